// SPDX-License-Identifier: LGPL-2.1-or-later
// A disk that is slow, blocks or fails, simulated by a write function.
#include "core/net/http/hls/disk_writer.h"

#include "check.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace penstock;
using namespace penstock::net;

/// A disk that the test can block, or let fail.
struct Disk {
    std::mutex mutex;
    std::condition_variable changed;
    bool blocked = false, entered = false;
    std::string fail; ///< what the next write says
    std::vector<hls::Segment> written;
    bool ended = false;

    Result write(const hls::Segment *segment) {
        std::unique_lock lock(mutex);
        entered = true;
        changed.notify_all();
        changed.wait(lock, [&] { return !blocked; });
        if (!fail.empty()) return Result::error(std::exchange(fail, {}));
        if (segment)
            written.push_back(*segment);
        else
            ended = true;
        return Result::ok();
    }
    void block(bool on) {
        std::lock_guard lock(mutex);
        blocked = on;
        entered = false;
        changed.notify_all();
    }
    /// Waits until a write blocks.
    void await_hang() {
        std::unique_lock lock(mutex);
        fail_unless(changed.wait_for(lock, std::chrono::seconds(30), [&] { return entered; }));
    }
};

static hls::Segment segment(uint64_t number, size_t size = 1000) {
    hls::Segment segment;
    segment.data = Bytes::adopt(std::vector<uint8_t>(size));
    segment.program_date_time = int64_t(number);
    return segment;
}

static DiskWriter::Write to(const std::shared_ptr<Disk> &disk) {
    return [disk](const hls::Segment *segment) { return disk->write(segment); };
}

GST_START_TEST(test_in_order) {
    auto disk = std::make_shared<Disk>();
    DiskWriter writer(to(disk), {});
    for (uint64_t i = 0; i < 100; ++i)
        writer.add(segment(i), true);
    fail_unless(writer.drain());
    fail_unless_equals_int(disk->written.size(), 100);
    for (size_t i = 0; i < 100; ++i) {
        fail_unless_equals_int(disk->written[i].program_date_time, i);
        fail_if(disk->written[i].discontinuity);
    }
    fail_if(disk->ended);
    writer.end();
    fail_unless(disk->ended);
    fail_unless(writer.take_reports().empty());
    fail_unless_equals_uint64(writer.lost(), 0);
}
GST_END_TEST

// The producer continues, as much as there is room for is kept, and the gap is marked.
GST_START_TEST(test_blocked) {
    auto disk = std::make_shared<Disk>();
    disk->block(true);
    DiskWriter writer(to(disk), {.max_segments = 3, .slow = std::chrono::nanoseconds(0)});
    writer.add(segment(0), false);
    disk->await_hang();
    auto reports = writer.take_reports();
    fail_unless(reports.size() == 1 && reports[0].find("taken nothing") != std::string::npos);
    fail_unless(writer.take_reports().empty()); // once
    for (uint64_t i = 1; i < 10; ++i)
        writer.add(segment(i), false);
    fail_unless_equals_uint64(writer.lost(), 6); // one in the write, three in the queue
    reports = writer.take_reports();
    fail_unless(reports.size() == 1 && reports[0].find("lost") != std::string::npos);
    disk->block(false);
    fail_unless(writer.drain());
    writer.add(segment(10), false);
    writer.add(segment(11), false);
    fail_unless(writer.drain());
    std::vector<int64_t> numbers, marked;
    for (const hls::Segment &written : disk->written) {
        numbers.push_back(written.program_date_time);
        if (written.discontinuity) marked.push_back(written.program_date_time);
    }
    fail_unless(numbers == std::vector<int64_t>({0, 1, 2, 3, 10, 11}));
    fail_unless(marked == std::vector<int64_t>({10}));
    reports = writer.take_reports();
    fail_unless(reports.size() == 1 && reports[0].find("again") != std::string::npos);
}
GST_END_TEST

// Bytes are bounded as well, except for a single segment.
GST_START_TEST(test_bytes) {
    auto disk = std::make_shared<Disk>();
    disk->block(true);
    DiskWriter writer(to(disk), {.max_segments = 100, .max_bytes = 5000});
    writer.add(segment(0), false);
    disk->await_hang();
    writer.add(segment(1, 100'000), false);
    fail_unless_equals_uint64(writer.lost(), 0);
    writer.add(segment(2, 10), false);
    fail_unless_equals_uint64(writer.lost(), 1);
    disk->block(false);
    fail_unless(writer.drain());
    for (uint64_t i = 0; i < 50; ++i)
        writer.add(segment(i), true);
    fail_unless(writer.drain());
    fail_unless_equals_int(disk->written.size(), 52);
}
GST_END_TEST

// A producer that is not live waits for the disk, until it is told to stop.
GST_START_TEST(test_waits) {
    auto disk = std::make_shared<Disk>();
    disk->block(true);
    DiskWriter writer(to(disk), {.max_segments = 1});
    std::thread producer([&] {
        for (uint64_t i = 0; i < 4; ++i)
            writer.add(segment(i), true);
    });
    disk->await_hang();
    disk->block(false);
    producer.join();
    fail_unless(writer.drain());
    fail_unless_equals_int(disk->written.size(), 4);
    disk->block(true);
    writer.add(segment(4), true);
    disk->await_hang();
    std::thread stopped([&] {
        for (uint64_t i = 5; i < 8; ++i)
            writer.add(segment(i), true);
    });
    writer.cancel();
    stopped.join();
    disk->block(false);
    fail_unless(writer.drain());
    fail_unless_equals_uint64(writer.lost(), 2);
}
GST_END_TEST

GST_START_TEST(test_errors) {
    auto disk = std::make_shared<Disk>();
    DiskWriter writer(to(disk), {});
    disk->fail = "no space left";
    writer.add(segment(0), false);
    fail_unless(writer.drain());
    writer.add(segment(1), false);
    fail_unless(writer.drain());
    const auto reports = writer.take_reports();
    fail_unless(reports == std::vector<std::string>{"no space left"});
    fail_unless(disk->written.size() == 1 && disk->written[0].discontinuity);
    fail_unless_equals_uint64(writer.lost(), 1);
}
GST_END_TEST

// The end waits no longer than its time limit for a blocked disk, and reports what is missing.
GST_START_TEST(test_end_while_blocked) {
    auto disk = std::make_shared<Disk>();
    disk->block(true);
    {
        DiskWriter writer(to(disk), {.patience = std::chrono::nanoseconds(0)});
        writer.add(segment(0), false);
        disk->await_hang();
        writer.add(segment(1), false);
        writer.end();
        fail_unless(writer.take_reports().size() == 1);
        fail_unless_equals_uint64(writer.lost(), 1);
    }
    disk->block(false); // the thread ends, with what it holds
}
GST_END_TEST

static Suite *hls_disk_writer_suite() {
    Suite *s = suite_create("hls_disk_writer");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_in_order);
    tcase_add_test(tc, test_blocked);
    tcase_add_test(tc, test_bytes);
    tcase_add_test(tc, test_waits);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_end_while_blocked);
    return s;
}
GST_CHECK_MAIN(hls_disk_writer)
