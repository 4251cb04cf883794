// SPDX-License-Identifier: LGPL-2.1-or-later
// Low-latency HLS over sockets: requests that are held, what ends their waiting, and the headers of
// every answer.
#include "unit/http_exchange.hpp"

#include "core/hls/cmaf_writer.h"
#include "core/http/coding.h"
#include "core/net/http/hls/mount.h"
#include "core/net/http/hls/waiters.h"
#include "core/net/loop/address.h"
#include "core/net/loop/held_clock.h"
#include "core/net/loop/loops.h"

#include "unit/hls_conformance.hpp"
#include "unit/mount_events.hpp"

#include "check.hpp"

#include <zlib.h>

using namespace penstock;
using namespace penstock::net;
using namespace std::chrono_literals;
using Reply = http_test::Answer;
using http_test::Exchange;

namespace {

constexpr int64_t ms = 1'000'000;
const std::string path = "/live/cam/index.m3u8";

/// A stream whose parts are published by the test: five of 200 ms make a segment.
struct Origin {
    std::unique_ptr<HlsFeed> feed;
    uint16_t port = 0;
    int count = 0; ///< parts so far

    explicit Origin(HlsMountOptions options = {}) {
        options.playlist_length = 20;
        options.target_duration = 1000 * ms;
        options.container = hls::cmaf_container;
        options.has_parts = true;
        std::string error;
        feed = open_hls_feed({"127.0.0.1", port}, path.substr(1), options, &error);
        fail_unless(feed != nullptr, "%s", error.c_str());
        port = parse_location(feed->url(), 80, &error)->address.port;
    }
    void part() {
        const int place = count % 5;
        hls::Segment piece;
        piece.begins = place == 0;
        piece.complete = place == 4;
        piece.duration = (place + 1) * 200 * ms;
        piece.target_duration = 1;
        piece.part_target = 202 * ms;
        piece.program_date_time = 1'700'000'000'000 + count / 5 * 1000;
        piece.init = Bytes::copy_of(std::string_view("init"));
        piece.has_video = true;
        const std::string bytes = "part " + std::to_string(count++) + ";";
        piece.parts.push_back({Bytes::copy_of(bytes), 200 * ms, place == 0});
        feed->publish(piece);
    }
    void parts(int more) {
        while (more-- > 0)
            part();
    }
    /// Until that many requests are held.
    void await(size_t held) const {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (feed->stats().waiting != held && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        fail_unless_equals_int(feed->stats().waiting, held);
    }
};

Reply get(Exchange &client, const std::string &target, const std::string &headers = {}) {
    client.request("GET", target, headers);
    return client.answer();
}

conformance::Playlist read(const Reply &answer) {
    fail_unless_equals_int(answer.status, 200);
    auto list = conformance::read(answer.body);
    fail_unless(list.problems.empty(), "%s", list.problems.empty() ? "" : list.problems[0].c_str());
    return list;
}

std::string unzipped(const std::string &packed) {
    z_stream stream{};
    fail_unless(inflateInit2(&stream, 15 + 16) == Z_OK);
    std::string out(1 << 16, 0);
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(packed.data()));
    stream.avail_in = uInt(packed.size());
    stream.next_out = reinterpret_cast<Bytef *>(out.data());
    stream.avail_out = uInt(out.size());
    fail_unless(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

// The first request waits for the first part; each later one for the part that it names.
GST_START_TEST(test_blocking_reload) {
    Origin origin;
    Exchange client(origin.port), other(origin.port);
    client.request("GET", path);
    origin.await(1);
    origin.part();
    Reply answer = client.answer();
    auto list = read(answer);
    fail_unless_equals_string(answer.header("Cache-Control").c_str(), "max-age=1");
    fail_unless_equals_string(answer.header("Vary").c_str(), "Accept-Encoding");
    fail_unless_equals_string(answer.header("Access-Control-Expose-Headers").c_str(),
                              "Age, Date, ETag, Content-Range");
    // The gap before it is segment 0.
    fail_unless(list.segments.size() == 1 && list.segments[0].gap && list.open.parts.size() == 1);
    fail_unless_equals_int(int(list.part_target * 1000 + 0.5), 202);

    conformance::Checker checker;
    checker.see(answer.body);
    uint64_t sequence = 1, part = 1;
    for (int i = 0; i < 40; ++i) {
        const std::string query =
            "?_HLS_msn=" + std::to_string(sequence) + "&_HLS_part=" + std::to_string(part);
        client.request("GET", path + query + (i > 30 ? "&_HLS_skip=YES" : ""));
        if (i % 8 == 0) other.request("GET", path + "?_HLS_msn=" + std::to_string(sequence));
        origin.await(i % 8 == 0 ? 2 : 1);
        origin.part();
        answer = client.answer();
        checker.see(answer.body);
        list = read(answer);
        fail_unless_equals_string(answer.header("Cache-Control").c_str(), "max-age=6");
        const bool whole = origin.count % 5 == 0;
        fail_unless(list.skip == (i > 30));
        fail_unless(whole ? list.open.parts.empty() : list.open.parts.size() == part + 1);
        if (i % 8 == 0) { // waits for all of the segment
            while (origin.count % 5 != 0)
                origin.part();
            fail_unless(read(other.answer()).open.parts.empty());
        }
        sequence = 1 + uint64_t(origin.count) / 5;
        part = uint64_t(origin.count) % 5;
    }
    fail_unless(checker.problems.empty(), "%s", checker.text().c_str());
    // What is there already is answered at once; a part past a segment's last is one of the next.
    fail_unless(get(client, path + "?_HLS_msn=3").status == 200);
    fail_unless(get(client, path + "?_HLS_msn=3&_HLS_part=77").status == 200);
    fail_unless_equals_int(origin.feed->stats().waiting, 0);
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    Origin origin;
    origin.parts(12); // segments 1 and 2, two parts of 3
    Exchange client(origin.port);
    for (const char *query :
         {"?_HLS_part=1", "?_HLS_msn=x", "?_HLS_msn=1&_HLS_msn=2", "?_HLS_msn=5",
          "?_HLS_msn=", "?_HLS_msn=99999999999999999999", "?_HLS_msn=3&_HLS_part=17",
          "?_HLS_msn=4&_HLS_part=15", "?_HLS_msn=18446744073709551615"}) {
        const Reply answer = get(client, path + query);
        fail_unless(answer.status == 400, "%s: %d", query, answer.status);
        fail_unless_equals_string(answer.header("Cache-Control").c_str(), "no-store");
    }
    fail_unless_equals_int(origin.feed->stats().waiting, 0);
    for (const char *query : {"?_HLS_msn=4", "?_HLS_msn=3&_HLS_part=15"}) {
        Exchange held(origin.port);
        held.request("GET", path + query);
        origin.await(1);
        held.close(); // and is forgotten
        origin.await(0);
    }
}
GST_END_TEST

// A part that the playlist hints at is held until all of it is there.
GST_START_TEST(test_preload_hint) {
    Origin origin;
    origin.part();
    Exchange client(origin.port), hinted(origin.port);
    for (int i = 0; i < 12; ++i) {
        const auto list = read(get(client, path));
        const std::string uri = "/live/cam/" + list.hints.at("PART");
        hinted.request("GET", uri);
        origin.await(1);
        origin.part();
        Reply answer = hinted.answer();
        fail_unless_equals_int(answer.status, 200);
        fail_unless_equals_string(answer.body.c_str(),
                                  ("part " + std::to_string(origin.count - 1) + ";").c_str());
        fail_unless_equals_string(answer.header("Cache-Control").c_str(), "public, max-age=6");
        fail_unless_equals_string(answer.header("Content-Type").c_str(), "video/mp4");
        answer = get(hinted, uri); // and now it is there
        fail_unless_equals_int(answer.status, 200);
    }
    // No other part is waited for, and that it is not there yet is not for caches.
    const auto list = read(get(client, path));
    std::string later = list.hints.at("PART");
    later.replace(later.rfind('-'), later.npos, "-99.m4s");
    Reply answer = get(client, "/live/cam/" + later);
    fail_unless_equals_int(answer.status, 404);
    fail_unless_equals_string(answer.header("Cache-Control").c_str(), "no-store");
    // The segment is its parts; of it there are ranges.
    const std::string segment = "/live/cam/" + list.segments[1].uri;
    answer = get(client, segment);
    fail_unless_equals_string(answer.body.c_str(), "part 0;part 1;part 2;part 3;part 4;");
    fail_unless_equals_string(answer.header("Cache-Control").c_str(),
                              "public, max-age=31536000, immutable");
    answer = get(client, segment, "Range: bytes=7-12\r\n");
    fail_unless_equals_int(answer.status, 206);
    fail_unless_equals_string(answer.body.c_str(), "part 1");
    fail_unless_equals_string(answer.header("Content-Range").c_str(), "bytes 7-12/35");
    fail_unless_equals_int(get(client, segment, "Range: bytes=35-\r\n").status, 416);
    // The gap is an empty box.
    answer = get(client, "/live/cam/" + list.segments[0].uri);
    fail_unless(answer.status == 200 && answer.body.ends_with("free") && answer.body.size() == 8);
    // What has gone will not come back.
    origin.parts(5 * 45);
    for (const std::string &gone : {segment, "/live/cam/" + list.segments[1].parts[0].uri}) {
        answer = get(client, gone);
        fail_unless_equals_int(answer.status, 404);
        fail_unless_equals_string(answer.header("Cache-Control").c_str(), "max-age=1");
    }
}
GST_END_TEST

// While no media comes, gaps keep the playlist going: a segment within one and a half target
// durations. One who waits in vain is told so after three, and that answer is not kept.
GST_START_TEST(test_in_vain) {
    const auto loops = Loops::shared();
    HeldClock clock(*loops);
    Origin origin;
    Exchange client(origin.port), hinted(origin.port), segment(origin.port);
    origin.parts(7);
    const auto list = read(get(client, path));
    hinted.request("GET", "/live/cam/" + list.hints.at("PART"));
    client.request("GET", path + "?_HLS_msn=2&_HLS_part=2");
    segment.request("GET", path + "?_HLS_msn=3");
    origin.await(3);
    for (int i = 0; i < 4; ++i)
        clock.advance(250ms);
    fail_unless_equals_int(origin.feed->stats().waiting, 3);
    for (int i = 0; i < 2; ++i) // 1.5 target durations
        clock.advance(250ms);
    origin.await(1);
    // The segment that was open ends, and a gap follows.
    const auto next = read(client.answer());
    fail_unless_equals_int(next.segments.size(), 4);
    fail_unless(next.segments[3].gap && !next.segments[2].gap);
    fail_unless_equals_int(next.segments[2].parts.size(), 2);
    fail_unless(read(segment.answer()).segments.size() == 4);
    for (int i = 0; i < 6; ++i)
        clock.advance(250ms);
    const Reply answer = hinted.answer();
    fail_unless_equals_int(answer.status, 503);
    fail_unless_equals_string(answer.header("Cache-Control").c_str(), "no-store");
    // Gaps add up to the time that is missing, as long as somebody asks.
    const size_t gaps = read(get(client, path)).segments.size() - 3;
    fail_unless(gaps == 2 || gaps == 3, "%zu gaps in three seconds", gaps);
    // What comes then is another beginning.
    origin.part();
    const auto after = read(get(client, path));
    fail_unless(after.open.discontinuity && after.open.parts.size() == 1);
    fail_unless_equals_string(after.open.parts[0].uri.c_str(), list.hints.at("PART").c_str());
}
GST_END_TEST

// A viewer that fetches segments alone is missed like one that reloads.
GST_START_TEST(test_viewer_of_segments) {
    const auto loops = Loops::shared();
    HeldClock clock(*loops);
    Origin origin;
    origin.parts(7);
    penstock_test::MountEvents events(path.substr(1));
    Exchange client(origin.port);
    const auto gone = [&](const std::string &all) {
        return penstock_test::eventually([&] {
            clock.advance(250ms);
            return events.all() == all;
        });
    };
    const std::string segment = "/live/cam/" + read(get(client, path)).segments[1].uri;
    fail_unless(gone("came went"), "%s", events.all().c_str());
    fail_unless_equals_int(get(client, segment).status, 200);
    fail_unless(gone("came went came went"), "%s", events.all().c_str());
}
GST_END_TEST

// The end answers all who wait.
GST_START_TEST(test_end) {
    Origin origin({.ending = {.grace = 0s, .linger = 1h}});
    origin.parts(7);
    Exchange client(origin.port), hinted(origin.port);
    const auto list = read(get(client, path));
    hinted.request("GET", "/live/cam/" + list.hints.at("PART"));
    client.request("GET", path + "?_HLS_msn=2&_HLS_part=2");
    origin.await(2);
    origin.feed.reset();
    const auto ended = read(client.answer());
    fail_unless(ended.ended && ended.hints.empty());
    fail_unless_equals_int(hinted.answer().status, 404);
    // Directives are ignored from now on, and the hint is one no longer.
    fail_unless(read(get(client, path + "?_HLS_msn=99&_HLS_part=3")).ended);
    fail_unless_equals_int(get(client, "/live/cam/" + list.hints.at("PART")).status, 404);
}
GST_END_TEST

GST_START_TEST(test_gzip) {
    for (const char *yes : {"gzip", "deflate, GZIP", "*", "br;q=1, gzip;q=0.5", "gzip;q=0.001"})
        fail_unless(http::accepts_gzip(yes), "%s", yes);
    for (const char *no : {"", "identity", "gzip;q=0", "*;q=0.0", "*, gzip;q=0", "xgzip", ";,;"})
        fail_if(http::accepts_gzip(no), "%s", no);
    Origin origin;
    origin.parts(60);
    Exchange client(origin.port);
    for (const std::string query : {"", "?_HLS_skip=YES"}) {
        const Reply plain = get(client, path + query);
        const Reply packed = get(client, path + query, "Accept-Encoding: gzip, br\r\n");
        fail_unless_equals_string(packed.header("Content-Encoding").c_str(), "gzip");
        fail_unless_equals_string(packed.header("Vary").c_str(), "Accept-Encoding");
        fail_unless(packed.body.size() * 2 < plain.body.size());
        fail_unless_equals_string(unzipped(packed.body).c_str(), plain.body.c_str());
    }
    // Held ones are packed as well, each in its form.
    Exchange delta(origin.port);
    client.request("GET", path + "?_HLS_msn=13&_HLS_part=0", "Accept-Encoding: gzip\r\n");
    delta.request("GET", path + "?_HLS_msn=13&_HLS_part=0&_HLS_skip=YES");
    origin.await(2);
    origin.part();
    const Reply whole = client.answer(), update = delta.answer();
    fail_unless(conformance::read(unzipped(whole.body)).segments.size() >= 12);
    fail_unless(conformance::read(update.body).skipped > 0);
}
GST_END_TEST

struct Judge final : PeerWatch {
    bool authorize(const PeerInfo &, penstock::net::Answer answer) override {
        ++questions;
        answer(Verdict(true));
        return true;
    }
    void connected(const PeerInfo &) override {}
    void disconnected(const PeerInfo &, const std::string &) override {}
    std::atomic<int> questions{0};
};

// A viewer with a session is asked about once, whatever it reloads, and its parts are nobody
// else's.
GST_START_TEST(test_session) {
    const auto judge = std::make_shared<Judge>();
    Origin origin({.watch = judge});
    origin.part();
    Exchange client(origin.port), hinted(origin.port);
    for (int i = 1; i < 4; ++i) {
        const auto list = read(get(client, path + "?key=a"));
        const std::string hint = list.hints.at("PART");
        fail_unless(hint.find("?session=") != hint.npos);
        client.request("GET", path + "?key=a&_HLS_msn=1&_HLS_part=" + std::to_string(i),
                       "Accept-Encoding: gzip\r\n");
        hinted.request("GET", "/live/cam/" + hint);
        origin.await(2);
        origin.part();
        const Reply answer = client.answer();
        fail_unless_equals_int(read(answer).open.parts.size(), i + 1);
        fail_unless_equals_string(answer.header("Cache-Control").c_str(), "private, no-store");
        fail_unless(hinted.answer().header("Cache-Control").starts_with("private"));
        fail_unless_equals_int(get(hinted, "/live/cam/" + hint.substr(0, hint.find('?'))).status,
                               403);
    }
    fail_unless_equals_int(judge->questions, 1);
}
GST_END_TEST

// The number of those who wait is bounded, for each host and in all; and each is woken once, with
// those of its wish.
GST_START_TEST(test_bounds) {
    HlsWaiters waiters;
    std::vector<HlsWaiters::Wish> wishes;
    for (uint64_t i = 0; i < 3; ++i)
        wishes.push_back({HlsWaiters::Wish::Kind::part, {}, i});
    std::vector<uint64_t> ids;
    for (size_t i = 0; i < HlsWaiters::max_per_host; ++i) {
        HlsWaiters::Waiter waiter;
        waiter.wish = wishes[i % 3];
        waiter.deadline_ms = i;
        ids.push_back(waiters.add(waiter, "10.0.0.1:5"));
        fail_unless(ids.back() != 0);
    }
    HlsWaiters::Waiter more;
    more.wish = wishes[0];
    fail_unless_equals_uint64(waiters.add(more, "10.0.0.1:6"), 0);
    fail_unless(waiters.add(more, "10.0.0.2:6") != 0);
    fail_unless(waiters.take(wishes[0], ids[0]).has_value());
    fail_if(waiters.take(wishes[0], ids[0]).has_value());
    fail_if(waiters.take(wishes[1], ids[3]).has_value()); // another wish
    more.wish = wishes[2];
    more.deadline_ms = 5000;
    fail_unless(waiters.add(more, "10.0.0.1:6") != 0); // there is room again
    int asked = 0;
    const auto second = waiters.take([&](const HlsWaiters::Wish &wish) {
        ++asked;
        return wish.part == 1;
    });
    fail_unless_equals_int(asked, 3);
    fail_unless_equals_int(second.size(), 667);
    fail_unless_equals_int(waiters.take_expired(299).size(), 99 + 100);
    fail_unless_equals_int(waiters.size(), 2000 + 1 - 667 - 199);
}
GST_END_TEST

// As many as there may be wait, each for what it asked for, and a part wakes its own alone.
GST_START_TEST(test_ten_thousand) {
    HlsWaiters waiters;
    size_t answered = 0;
    const auto waiter = [&](uint64_t part) {
        HlsWaiters::Waiter one;
        one.reply = [&](HttpResponse) { ++answered; };
        one.wish = {HlsWaiters::Wish::Kind::part, {}, part};
        one.deadline_ms = 3000;
        return one;
    };
    for (size_t i = 0; i < HlsWaiters::max_waiters; ++i) {
        HlsWaiters::Waiter one = waiter(7 + i % 2);
        fail_unless(waiters.add(one, "10.0.0." + std::to_string(i / 1999) + ":5") != 0);
    }
    HlsWaiters::Waiter more = waiter(7);
    fail_unless_equals_uint64(waiters.add(more, "10.0.1.1:5"), 0);
    for (HlsWaiters::Waiter &one :
         waiters.take([](const HlsWaiters::Wish &wish) { return wish.part <= 7; }))
        one.reply({});
    fail_unless_equals_int(answered, HlsWaiters::max_waiters / 2);
    fail_unless_equals_int(waiters.size(), HlsWaiters::max_waiters / 2);
    fail_unless(waiters.add(more, "10.0.1.1:5") != 0); // there is room again
    fail_unless(waiters.take_expired(2999).empty());
    fail_unless_equals_int(waiters.take_expired(3000).size(), HlsWaiters::max_waiters / 2 + 1);
    fail_unless_equals_int(waiters.size(), 0);
}
GST_END_TEST

} // namespace

static Suite *hls_low_latency_suite() {
    Suite *s = suite_create("hls_low_latency");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_blocking_reload);
    tcase_add_test(tc, test_refusals);
    tcase_add_test(tc, test_preload_hint);
    tcase_add_test(tc, test_in_vain);
    tcase_add_test(tc, test_viewer_of_segments);
    tcase_add_test(tc, test_end);
    tcase_add_test(tc, test_gzip);
    tcase_add_test(tc, test_session);
    tcase_add_test(tc, test_bounds);
    tcase_add_test(tc, test_ten_thousand);
    return s;
}
GST_CHECK_MAIN(hls_low_latency)
