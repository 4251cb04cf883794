// SPDX-License-Identifier: LGPL-2.1-or-later
// What a receiver of RTP does with sequence numbers, and a sender with requests: reordering, asking
// again, retransmissions, feedback of arrivals.
#include "core/rtp/history.h"
#include "core/rtp/nack.h"
#include "core/rtp/reorder.h"
#include "core/rtp/rtx.h"
#include "core/rtp/twcc_sender.h"

#include "unit/rtp_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtp;
using rig::equal;
using rig::from_hex;
using rig::millisecond;
using rig::second;

namespace {

using Buffer = ReorderBuffer<int>;

/// The sequence numbers that are released: `-n` before one that follows n missing, R before one
/// that begins a sequence.
std::string drain(Buffer &buffer, int64_t now) {
    std::string out;
    while (const auto released = buffer.pop(now)) {
        if (released->restarted) out += "R ";
        if (released->missing > 0) out += "-" + std::to_string(released->missing) + " ";
        fail_unless(released->item == released->sequence);
        out += std::to_string(released->sequence) + " ";
    }
    return out;
}

std::string push(Buffer &buffer, std::initializer_list<int> sequences, int64_t now,
                 uint32_t ssrc = 1) {
    std::string out;
    for (const int sequence : sequences) {
        buffer.push(ssrc, static_cast<uint16_t>(sequence), sequence, now);
        out += drain(buffer, now);
    }
    return out;
}

std::vector<uint16_t> due(MissingPackets &missing, int64_t now) {
    std::vector<uint16_t> out;
    missing.take_due(now, out);
    return out;
}

using Numbers = std::vector<uint16_t>;

constexpr int32_t lost = rtcp::TransportFeedback::not_received;

} // namespace

GST_START_TEST(test_reorder) {
    Buffer buffer;
    fail_unless(!buffer.deadline());
    fail_unless_equals_string(push(buffer, {65'534, 65'535, 0}, 0).c_str(), "R 65534 65535 0 ");
    fail_unless_equals_string(push(buffer, {3, 2, 3}, 10 * millisecond).c_str(), "");
    fail_unless(buffer.deadline() == 160 * millisecond && buffer.waiting() == 2);
    fail_unless_equals_string(push(buffer, {1}, 20 * millisecond).c_str(), "1 2 3 ");
    fail_unless(!buffer.deadline() && buffer.counters().duplicates == 1);
    // The packet that waits longest decides, even behind a hole that opened later.
    push(buffer, {7}, 100 * millisecond);
    fail_unless_equals_string(push(buffer, {5}, 200 * millisecond).c_str(), "");
    fail_unless_equals_string(drain(buffer, 249 * millisecond).c_str(), "");
    fail_unless(buffer.deadline() == 250 * millisecond);
    fail_unless_equals_string(drain(buffer, 250 * millisecond).c_str(), "-1 5 -1 7 ");
    fail_unless_equals_string(push(buffer, {4, 6, 7, 8}, 251 * millisecond).c_str(), "8 ");
    fail_unless(buffer.counters().late == 3 && buffer.counters().missing == 2);
    fail_unless(buffer.counters().received == 13 && buffer.counters().restarts == 0);
}
GST_END_TEST

GST_START_TEST(test_reorder_bounds) {
    Buffer buffer(Buffer::Limits{.packets = 4, .delay = second});
    fail_unless_equals_string(push(buffer, {10, 12, 13, 14}, 0).c_str(), "R 10 ");
    fail_unless_equals_string(push(buffer, {15}, 0).c_str(), "-1 12 13 14 15 ");
    // More than the whole buffer is missing.
    fail_unless_equals_string(push(buffer, {17}, 0).c_str(), "");
    fail_unless_equals_string(push(buffer, {117}, 0).c_str(), "-1 17 ");
    fail_unless_equals_string(push(buffer, {116}, 0).c_str(), "");
    fail_unless_equals_string(drain(buffer, second).c_str(), "-98 116 117 ");
    // A caller that never pops.
    for (int i = 118; i < 1'000; ++i)
        buffer.push(1, static_cast<uint16_t>(i), i, second);
    fail_unless(buffer.waiting() <= 12, "%zu", buffer.waiting());
}
GST_END_TEST

GST_START_TEST(test_reorder_restarts) {
    Buffer buffer;
    fail_unless_equals_string(push(buffer, {100, 102}, 0).c_str(), "R 100 ");
    // A stray packet changes nothing; the second in a row does.
    fail_unless_equals_string(push(buffer, {40'000, 103, 40'001, 104}, 0).c_str(), "");
    fail_unless(buffer.counters().strays == 2);
    fail_unless_equals_string(push(buffer, {50'000, 50'002}, 0).c_str(), "-1 102 103 104 R 50000 ");
    fail_unless_equals_string(push(buffer, {50'001}, 0).c_str(), "50001 50002 ");
    // Another SSRC, near and far.
    fail_unless_equals_string(push(buffer, {50'003}, 0, 2).c_str(), "");
    fail_unless_equals_string(push(buffer, {50'004}, 0, 2).c_str(), "R 50003 50004 ");
    fail_unless_equals_string(push(buffer, {7}, 0, 3).c_str(), "");
    fail_unless_equals_string(push(buffer, {9}, 0, 4).c_str(), "");
    fail_unless_equals_string(push(buffer, {10}, 0, 4).c_str(), "R 9 10 ");
    fail_unless(buffer.counters().restarts == 3);
    // A source that began anew slightly before.
    std::string out;
    for (int i = 0; i < 200 && out.empty(); ++i)
        out = push(buffer, {65'000 + i}, 0, 4);
    fail_unless_equals_string(out.c_str(), "R 65127 ");
    // Any numbers: what is released ascends until a restart.
    std::mt19937 random(3);
    for (int turn = 0; turn < rounds(20'000); ++turn) {
        const auto sequence =
            static_cast<uint16_t>(random() % 50 == 0 ? random() : turn + random() % 9);
        push(buffer, {sequence}, turn * millisecond, 4 + random() % 100 / 99);
    }
    const auto &c = buffer.counters();
    fail_unless(c.restarts < 50 && c.missing < 200'000);
}
GST_END_TEST

GST_START_TEST(test_missing) {
    MissingPackets missing(MissingPackets::Limits{.tries = 3, .delay = second});
    missing.set_round_trip(50 * millisecond);
    missing.received(1, 65'533, 0);
    fail_unless(due(missing, 0).empty() && !missing.deadline());
    missing.received(1, 1, 0);
    fail_unless(missing.deadline() == 0);
    fail_unless(due(missing, 0) == (Numbers{65'534, 65'535, 0}));
    fail_unless(due(missing, 49 * millisecond).empty() && missing.deadline() == 50 * millisecond);
    missing.received(1, 65'535, 49 * millisecond);
    fail_unless(missing.recovered() == 1);
    fail_unless(due(missing, 50 * millisecond) == (Numbers{65'534, 0}));
    // A short round trip has a least wait.
    missing.set_round_trip(0);
    missing.received(1, 3, 60 * millisecond);
    fail_unless(due(missing, 60 * millisecond) == Numbers{2});
    fail_unless(due(missing, 79 * millisecond).empty() &&
                due(missing, 80 * millisecond) == Numbers{2});
    // The third try is the last, and has time to succeed.
    fail_unless(due(missing, 100 * millisecond) == (Numbers{65'534, 0, 2}) &&
                !missing.take_given_up());
    missing.received(1, 0, 119 * millisecond);
    fail_unless(due(missing, 120 * millisecond).empty() && missing.missing() == 0);
    fail_unless(missing.take_given_up() && !missing.take_given_up());
    fail_unless(missing.given_up() == 2 && missing.requests() == 10 && missing.recovered() == 2);
}
GST_END_TEST

GST_START_TEST(test_missing_bounds) {
    // Nobody waits longer than `delay`.
    MissingPackets missing(MissingPackets::Limits{.packets = 10, .tolerance = 5 * millisecond});
    missing.set_round_trip(second);
    missing.received(1, 10, 0);
    missing.received(1, 12, 0);
    fail_unless(due(missing, 4 * millisecond).empty() && missing.deadline() == 5 * millisecond);
    fail_unless(due(missing, 5 * millisecond) == Numbers{11});
    fail_unless(missing.deadline() == 150 * millisecond);
    fail_unless(due(missing, 150 * millisecond).empty() && missing.take_given_up());
    // Too many at a time.
    missing.received(1, 23, second);
    fail_unless(missing.missing() == 10 && !missing.take_given_up());
    missing.received(1, 25, second);
    fail_unless(missing.missing() == 0 && missing.take_given_up());
    // A burst that is repeated in a row is no restart.
    MissingPackets burst;
    burst.received(1, 0, 0);
    burst.received(1, 241, 0);
    fail_unless(due(burst, 0).size() == 240);
    for (uint16_t i = 1; i < 241; ++i)
        burst.received(1, i, 0);
    fail_unless(burst.missing() == 0 && burst.recovered() == 240);
    burst.received(1, 243, 0);
    fail_unless(due(burst, 0) == Numbers{242});
    // A restart forgets.
    burst.received(2, 9'000, 0);
    fail_unless(burst.missing() == 1);
    burst.received(2, 9'001, 0);
    fail_unless(burst.missing() == 0 && !burst.take_given_up());
    burst.received(2, 9'003, 0);
    fail_unless(due(burst, 0) == Numbers{9'002});
}
GST_END_TEST

GST_START_TEST(test_rtx) {
    // RFC 4588, 4: the payload begins with the original sequence number.
    const std::vector<uint8_t> bytes = from_hex("80 e1 0007 00015f90 55555555 fffe cafe");
    Packet rtx, original;
    fail_unless(parse(bytes, rtx).is_ok());
    fail_unless(unwrap_rtx(rtx, 96, 0x11111111, original));
    fail_unless(original.sequence == 0xFFFE && original.payload_type == 96 && original.marker);
    fail_unless(original.ssrc == 0x11111111 && original.timestamp == 90'000);
    fail_unless(equal(original.payload, from_hex("cafe")));
    Writer out;
    fail_unless(write_rtx(original, 97, 0x55555555, 7, out) && equal(out.view(), bytes));
    // Probes: nothing but padding, or too short.
    fail_unless(parse(from_hex("a0 61 0007 00015f90 55555555 000003"), rtx).is_ok());
    fail_unless(!unwrap_rtx(rtx, 96, 1, original));
    rtx.payload = ByteView(bytes).first(1);
    fail_unless(!unwrap_rtx(rtx, 96, 1, original));
    rtx.payload = ByteView(bytes).first(2);
    fail_unless(unwrap_rtx(rtx, 96, 1, original) && original.payload.empty());
    const std::vector<uint8_t> odd(3);
    original.extension = HeaderExtension{0xBEDE, odd};
    Writer none;
    fail_unless(!write_rtx(original, 97, 1, 7, none) && none.size() == 0);
}
GST_END_TEST

GST_START_TEST(test_history) {
    SentHistory<uint64_t> history(5, second); // eight
    for (uint16_t i = 0; i < 10; ++i)
        history.add(static_cast<uint16_t>(65'530 + i), 100 + i, i * millisecond);
    const int64_t now = 10 * millisecond;
    fail_unless(!history.find(65'531, now) && *history.find(65'532, now) == 102);
    fail_unless(*history.find(3, now) == 109 && !history.find(4, now));
    fail_unless(!history.find(65'532 - 8, now) && history.find(3, now + 999 * millisecond) &&
                !history.find(3, now + second));
    fail_unless(*history.resend(3, now, 50 * millisecond) == 109);
    fail_unless(!history.resend(3, now + 49 * millisecond, 50 * millisecond));
    fail_unless(history.find(3, now) && history.resend(2, now, 50 * millisecond));
    fail_unless(history.resend(3, now + 50 * millisecond, 50 * millisecond));
    history.clear();
    fail_unless(!history.find(3, now));
}
GST_END_TEST

GST_START_TEST(test_arrival_log) {
    ArrivalLog log;
    fail_unless(!log.take_feedback(0) && !log.deadline());
    // 64 ms are a step of the reference time.
    const int64_t begin = 640 * millisecond;
    log.received(65'534, begin + millisecond);
    log.received(65'535, begin + millisecond);
    log.received(2, begin + 70 * millisecond);
    log.received(2, begin + 80 * millisecond); // a duplicate
    fail_unless(log.deadline() == begin + 101 * millisecond);
    fail_unless(!log.take_feedback(begin + 100 * millisecond));
    auto f = log.take_feedback(begin + 101 * millisecond);
    fail_unless(f && f->base_sequence == 65'534 && f->reference_time == 10 && f->count == 0);
    fail_unless(f->deltas == (std::vector<int32_t>{4, 0, lost, lost, 276}));
    fail_unless(!log.take_feedback(begin + 500 * millisecond) && !log.deadline());
    // What was lost between is told of; one that is late is told of with those behind it.
    log.received(4, begin + 500 * millisecond);
    f = log.take_feedback(begin + 500 * millisecond);
    fail_unless(f && f->base_sequence == 3 && f->count == 1 && f->deltas.size() == 2);
    fail_unless(f->deltas[0] == lost && f->reference_time == 17 && f->deltas[1] == 208);
    log.received(1, begin + 510 * millisecond);
    fail_unless(!log.take_feedback(begin + 599 * millisecond));
    f = log.take_feedback(begin + 600 * millisecond);
    fail_unless(f && f->base_sequence == 1 && f->reference_time == 17);
    fail_unless(f->deltas == (std::vector<int32_t>{248, -1'760, lost, 1'720}));
}
GST_END_TEST

GST_START_TEST(test_arrival_log_bounds) {
    ArrivalLog log(ArrivalLog::Limits{.interval = 0, .statuses = 5});
    // A pause that no delta can express, and more statuses than a message has.
    log.received(0, 0);
    log.received(1, 9 * second);
    log.received(20, 9 * second);
    std::vector<rtcp::TransportFeedback> all;
    while (auto f = log.take_feedback(9 * second)) {
        f->sender = 1;
        Writer out;
        fail_unless(rtcp::write(*f, out));
        all.push_back(*f);
    }
    fail_unless(all.size() == 5);
    uint16_t next = 0;
    for (const auto &f : all) {
        fail_unless(f.base_sequence == next && f.deltas.size() <= 5);
        next = static_cast<uint16_t>(next + f.deltas.size());
        // A message without arrivals has the time of what follows.
        fail_unless(f.reference_time == (f.base_sequence == 0 ? 0 : 140));
    }
    fail_unless(next == 21);
    // A jump forgets; what is far behind is not told of.
    log.received(30'000, 10 * second);
    auto f = log.take_feedback(10 * second);
    fail_unless(f && f->base_sequence == 30'000 && f->deltas.size() == 1);
    log.received(20'000, 10 * second);
    fail_unless(!log.take_feedback(10 * second));
    // Reference times have 24 bits with a sign.
    ArrivalLog old;
    old.received(7, (int64_t(1) << 23) * 64 * millisecond);
    f = old.take_feedback((int64_t(1) << 23) * 64 * millisecond + second);
    fail_unless(f && f->reference_time == -0x800000);
}
GST_END_TEST

static Suite *rtp_receive_suite() {
    Suite *s = suite_create("rtp_receive");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_reorder);
    tcase_add_test(tc, test_reorder_bounds);
    tcase_add_test(tc, test_reorder_restarts);
    tcase_add_test(tc, test_missing);
    tcase_add_test(tc, test_missing_bounds);
    tcase_add_test(tc, test_rtx);
    tcase_add_test(tc, test_history);
    tcase_add_test(tc, test_arrival_log);
    tcase_add_test(tc, test_arrival_log_bounds);
    return s;
}
GST_CHECK_MAIN(rtp_receive)
