// SPDX-License-Identifier: LGPL-2.1-or-later
// The decisions of a push, without sockets: when to connect again, what to drop, which bitrate.
#include "core/rtmp/backoff.h"
#include "core/rtmp/congestion.h"
#include "core/rtmp/publish_queue.h"
#include "flv_samples.hpp"

#include "check.hpp"

using namespace penstock;
using rtmp::Backoff;
using rtmp::Congestion;
using rtmp::PublishQueue;

namespace {

PublishQueue::Item frame(int64_t time, bool key, size_t size = 100) {
    const flv::Tag tag =
        flv::make_tag(flv::TagType::video, uint32_t(time), std::vector<uint8_t>(size, 0x17));
    return {tag, time, false, key};
}

PublishQueue::Item config() {
    return {samples::video_config(), 0, true, false};
}

/// The times of all items in the queue.
std::string drain(PublishQueue &queue) {
    std::string out;
    PublishQueue::Item item;
    while (queue.pop(item))
        out += (item.header ? "H" : item.start ? "K" : "f") + std::to_string(item.time) + " ";
    return out;
}

/// An encoder at `bitrate` and a connection that carries `line` bit/s, for frames of 40 ms.
struct Line {
    Congestion congestion;
    int64_t time = 0;
    double backlog = 0; ///< bytes
    uint64_t sent = 0, video = 0;
    std::vector<std::string> reports;

    void run(int64_t ms, uint64_t line) {
        for (const int64_t end = time + ms; time < end;) {
            time += 40;
            const double made =
                double(congestion.bitrate() ? congestion.bitrate() : 4'000'000) * 0.040 / 8;
            video += uint64_t(made);
            backlog += made;
            const double gone = std::min(backlog, double(line) * 0.040 / 8);
            backlog -= gone;
            sent += uint64_t(gone);
            const auto queued = int64_t(backlog * 8 * 1000 / double(line));
            if (const auto r = congestion.update({time, queued, sent, video, 0}))
                reports.push_back(std::to_string(r->bitrate / 1000) +
                                  (r->congested ? " congested" : " calm"));
        }
    }
};

} // namespace

GST_START_TEST(test_backoff) {
    Backoff backoff;
    const uint64_t plain[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (const uint64_t expected : plain)
        fail_unless_equals_uint64(backoff.next(false, 0), expected);
    for (double random : {0.1, 0.5, 0.99}) {
        const uint64_t delay = backoff.next(false, random);
        fail_unless(delay < 30000 && delay >= 22500, "%u", unsigned(delay));
    }
    // A connection that ends at once does not count as a success.
    backoff.lived(9'999);
    fail_unless_equals_uint64(backoff.next(false, 0), 30000);
    backoff.lived(10'000);
    fail_unless_equals_uint64(backoff.next(false, 0), 1000);
    // After a refused key the wait is a minute or more.
    fail_unless_equals_uint64(backoff.next(true, 0), 60'000);
    fail_unless_equals_uint64(backoff.next(true, 0), 120'000);
    for (int i = 0; i < 100; ++i)
        backoff.next(true, 0);
    fail_unless_equals_uint64(backoff.next(true, 0), 600'000);
}
GST_END_TEST

// Without a connection the queue holds the current GOP.
GST_START_TEST(test_queue_holds_a_gop) {
    PublishQueue queue;
    queue.push(frame(0, false)); // nothing before the first keyframe
    for (int64_t time = 40; time < 60'000; time += 40)
        queue.push(frame(time, time % 2000 == 0));
    fail_unless(queue.bytes() < 60 * 200, "%zu bytes", queue.bytes());
    queue.flow();
    const std::string all = drain(queue);
    fail_unless(all.starts_with("K58000 f58040 "), "%s", all.c_str());
    fail_unless(all.ends_with("f59960 "), "%s", all.c_str());
}
GST_END_TEST

GST_START_TEST(test_queue_skips_to_a_keyframe) {
    PublishQueue queue({.max_bytes = 1 << 20, .max_ms = 1000});
    queue.flow();
    for (int64_t time = 0; time <= 1000; time += 100)
        queue.push(frame(time, time % 500 == 0));
    fail_unless_equals_uint64(queue.dropped(), 0);
    queue.push(frame(1100, false)); // over: goes on at the newest keyframe
    fail_unless_equals_uint64(queue.dropped(), 10);
    fail_unless(queue.take_skipped());
    fail_if(queue.take_skipped());
    fail_unless_equals_string(drain(queue).c_str(), "K1000 f1100 ");
}
GST_END_TEST

// A GOP that is too long is dropped; later frames wait for a keyframe, and headers are due again.
GST_START_TEST(test_queue_waits_for_a_keyframe) {
    PublishQueue queue({.max_bytes = 1000, .max_ms = 60'000});
    queue.flow();
    for (int64_t time = 0; time < 2000; time += 100)
        queue.push(frame(time, time == 0));
    queue.push(config());
    fail_unless(queue.bytes() <= 1000);
    fail_unless_equals_string(drain(queue).c_str(), "");
    queue.push(frame(2000, true));
    queue.push(frame(2040, false));
    fail_unless_equals_string(drain(queue).c_str(), "K2000 f2040 ");
    fail_unless(queue.take_skipped());
}
GST_END_TEST

// After a lost connection, the rest of a partly sent GOP is dropped.
GST_START_TEST(test_queue_resumes) {
    PublishQueue queue;
    queue.flow();
    queue.push(frame(0, true));
    queue.push(frame(40, false));
    PublishQueue::Item item;
    fail_unless(queue.pop(item));
    queue.hold();
    queue.push(frame(80, false));
    fail_unless(queue.empty());
    queue.push(frame(120, true));
    queue.push(config()); // what is held was made with another
    fail_unless(queue.empty());
    queue.push(frame(160, false));
    queue.push(frame(200, true));
    queue.push(frame(240, false));
    queue.flow();
    fail_unless_equals_string(drain(queue).c_str(), "K200 f240 ");
}
GST_END_TEST

// A held GOP is sent once there is a connection, even if it is longer than the time limit.
GST_START_TEST(test_queue_long_gop) {
    PublishQueue queue({.max_bytes = 1 << 20, .max_ms = 1000});
    for (int64_t time = 0; time <= 5000; time += 100)
        queue.push(frame(time, time == 0));
    queue.flow();
    queue.push(frame(5100, false));
    fail_unless_equals_uint64(queue.dropped(), 0);
    fail_unless(drain(queue).starts_with("K0 "));
}
GST_END_TEST

GST_START_TEST(test_congestion) {
    Line line;
    line.congestion.set_original(4'000'000);
    line.run(10'000, 8'000'000);
    fail_unless(line.reports.empty());
    // The connection's rate falls: the bitrate falls to what it carried, in whole steps.
    line.run(6'000, 1'550'000);
    fail_unless(!line.reports.empty());
    fail_unless(line.congestion.is_congested());
    fail_unless(line.congestion.bitrate() <= 1'500'000 && line.congestion.bitrate() >= 1'400'000,
                "%u", unsigned(line.congestion.bitrate()));
    // The rate has recovered: the bitrate rises by a tenth of the original every four seconds.
    line.reports.clear();
    line.run(1'000, 50'000'000); // the backlog goes
    const uint64_t low = line.congestion.bitrate();
    line.run(3'900, 8'000'000);
    const size_t early = line.reports.size();
    fail_unless(early <= 1);
    line.run(4'200, 8'000'000);
    fail_unless(line.congestion.bitrate() >= low + 400'000);
    line.run(40'000, 8'000'000);
    fail_unless_equals_uint64(line.congestion.bitrate(), 4'000'000);
    fail_if(line.congestion.is_congested());
    fail_unless_equals_string(line.reports.back().c_str(), "4000 calm");
    for (size_t i = 1; i < line.reports.size(); ++i)
        fail_unless(std::stoul(line.reports[i]) - std::stoul(line.reports[i - 1]) <= 400);
}
GST_END_TEST

GST_START_TEST(test_congestion_floor) {
    Congestion congestion;
    congestion.set_original(1'000'000);
    for (int64_t time = 0; time < 5'000; time += 40) // nothing leaves
        congestion.update({time, time, 0, uint64_t(time) * 125, 0});
    fail_unless_equals_uint64(congestion.bitrate(), 50'000);
    // Audio keeps its bitrate, which is subtracted.
    Congestion with_audio;
    with_audio.set_original(3'000'000);
    for (int64_t time = 0; time < 5'000; time += 40)
        with_audio.update({time, 300, uint64_t(time) * 1000 / 8, uint64_t(time) * 3000 / 8,
                           uint64_t(time) * 128 / 8});
    fail_unless_equals_uint64(with_audio.bitrate(), 800'000); // 1000 - 128 kbit/s, in full steps
}
GST_END_TEST

// A new connection has no measured throughput yet: the initial burst lowers nothing.
GST_START_TEST(test_congestion_restart) {
    Congestion congestion;
    congestion.set_original(1'000'000);
    for (int64_t time = 0; time < 4'000; time += 40)
        congestion.update({time, 0, uint64_t(time) * 125, uint64_t(time) * 125, 0});
    for (int64_t time = 4'000; time < 4'900; time += 40)
        fail_if(congestion.update({time, 900, uint64_t(time - 4'000), 0, 0}).has_value());
    fail_unless_equals_uint64(congestion.bitrate(), 1'000'000);
}
GST_END_TEST

// Without an announced bitrate the measured one is the original.
GST_START_TEST(test_congestion_measured) {
    Congestion congestion;
    for (int64_t time = 0; time < 4'000; time += 40)
        congestion.update({time, 0, uint64_t(time) * 250, uint64_t(time) * 250, 0});
    fail_unless_equals_uint64(congestion.original(), 2'000'000);
    std::optional<Congestion::Report> report;
    for (int64_t time = 4'000; time < 8'000 && !report; time += 40)
        report = congestion.update({time, 500, 1'000'000, uint64_t(time) * 250, 0});
    fail_unless(report && report->congested && report->original == 2'000'000);
}
GST_END_TEST

static Suite *push_suite() {
    Suite *suite = suite_create("rtmp_push");
    TCase *tests = tcase_create("push");
    tcase_add_test(tests, test_backoff);
    tcase_add_test(tests, test_queue_holds_a_gop);
    tcase_add_test(tests, test_queue_skips_to_a_keyframe);
    tcase_add_test(tests, test_queue_waits_for_a_keyframe);
    tcase_add_test(tests, test_queue_resumes);
    tcase_add_test(tests, test_queue_long_gop);
    tcase_add_test(tests, test_congestion);
    tcase_add_test(tests, test_congestion_floor);
    tcase_add_test(tests, test_congestion_restart);
    tcase_add_test(tests, test_congestion_measured);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(push);
