// SPDX-License-Identifier: LGPL-2.1-or-later
// Gather writes over a real socket pair: however much the socket accepts at a time, every byte
// arrives once and in order, with the framing of the viewer's protocol.
#include "core/fanout/outlet.h"

#include <sys/socket.h>
#include <unistd.h>

#include "unit/fanout_rig.hpp"

#include "check.hpp"

using namespace fanout_test;
using fanout::Framing;
using Status = fanout::Outlet::Status;

namespace {

struct Pair {
    Pair() {
        fail_unless_equals_int(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
        const int small = 4096;
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }
    ~Pair() {
        close(ends[0]);
        if (ends[1] >= 0) close(ends[1]);
    }
    /// Takes at most `max` bytes from the other end.
    void take(std::vector<uint8_t> &to, size_t max) {
        std::vector<uint8_t> buffer(max);
        const ssize_t got = recv(ends[1], buffer.data(), max, 0);
        if (got > 0) to.insert(to.end(), buffer.begin(), buffer.begin() + got);
    }
    int ends[2];
};

/// A ring of packets that are all joinable, and the bytes that a viewer of them gets.
struct Stream {
    Stream(size_t count, size_t size, bool pieces) {
        ring.restart({.gops = 10000});
        for (size_t i = 0; i < count; ++i) {
            std::vector<uint8_t> body(size + i);
            for (size_t j = 0; j < body.size(); ++j)
                body[j] = uint8_t(j * 7 + i);
            auto packet = std::make_shared<fanout::Packet>();
            packet->payload = Bytes::adopt(std::move(body));
            const size_t step = pieces ? 64 : packet->payload.size();
            for (size_t at = 0; at < packet->payload.size(); at += step)
                packet->pieces.push_back(packet->payload.sub(at, step));
            packet->seal(true);
            packets.push_back(packet);
        }
    }
    /// Only the first packet is a join position.
    void append_all() {
        for (size_t i = 0; i < packets.size(); ++i)
            ring.append(packets[i], i, i == 0);
    }
    std::vector<uint8_t> bytes(Framing framing) const {
        std::vector<uint8_t> out;
        for (const auto &packet : packets)
            packet->each_piece(framing, [&](ByteView piece) {
                out.insert(out.end(), piece.begin(), piece.end());
            });
        return out;
    }
    fanout::Ring ring;
    std::vector<fanout::PacketPtr> packets;
};

struct Viewing {
    Status send(fanout::Ring *ring, Framing framing = Framing::none) {
        fanout::SocketWire wire(pair.ends[0]);
        fanout::Outlet::Source source;
        source.ring = ring;
        source.framing = framing;
        const Status status = outlet.send(wire, source, cache, sent, error);
        cache.clear();
        return status;
    }
    Pair pair;
    fanout::Outlet outlet;
    fanout::BatchCache cache;
    uint64_t sent = 0;
    int error = 0;
};

} // namespace

// Many small pieces exceed one call's limit; a small socket buffer stops anywhere.
GST_START_TEST(test_partial_sends) {
    for (const Framing framing : {Framing::none, Framing::chunked, Framing::websocket}) {
        for (const size_t step : {size_t(1777), size_t(100'000)}) {
            Stream stream(40, 6000, true);
            stream.append_all();
            const std::vector<uint8_t> wanted = stream.bytes(framing);
            Viewing viewing;
            std::vector<uint8_t> got;
            unsigned blocked = 0;
            for (;;) {
                const Status status = viewing.send(&stream.ring, framing);
                fail_unless(status == Status::idle || status == Status::blocked);
                if (status == Status::idle) break;
                ++blocked;
                viewing.pair.take(got, step);
            }
            fail_unless(viewing.outlet.empty());
            while (got.size() < wanted.size())
                viewing.pair.take(got, step);
            fail_unless(blocked > 3, "the socket took everything at once");
            fail_unless_equals_uint64(viewing.sent, wanted.size());
            fail_unless_equals_uint64(viewing.outlet.completed(), 40);
            fail_unless(got == wanted);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_framing) {
    const auto framed = [](size_t size, Framing framing) {
        std::string head;
        const auto packet =
            fanout::plain_packet(Bytes::adopt(std::vector<uint8_t>(size, uint8_t('x'))), true);
        size_t total = 0;
        packet->each_piece(framing, [&](ByteView piece) {
            total += piece.size();
            if (piece.size() != size) head.append(piece.begin(), piece.end());
        });
        fail_unless_equals_uint64(total, packet->framed_size(framing));
        return head;
    };
    fail_unless(framed(10, Framing::none).empty());
    fail_unless(framed(0x1aB3, Framing::chunked) == "1ab3\r\n\r\n");
    fail_unless(framed(125, Framing::websocket) == "\x82\x7d");
    fail_unless(framed(126, Framing::websocket) == std::string("\x82\x7e\x00\x7e", 4));
    fail_unless(framed(65536, Framing::websocket) ==
                std::string("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
    // An empty chunk would end the answer.
    fail_unless(framed(0, Framing::chunked).empty());
}
GST_END_TEST

// Viewers at the same position share one list; a viewer elsewhere has its own.
GST_START_TEST(test_one_gather_list_for_all) {
    Stream stream(10, 100, false);
    stream.append_all();
    fanout::BatchCache cache;
    fanout::Cursor one, other;
    std::vector<fanout::PacketPtr> first;
    for (fanout::Cursor *cursor : {&one, &other})
        fail_unless(stream.ring.settle(*cursor, {}, {}, first) == fanout::Ring::Place::behind);
    const auto *entry = cache.get(stream.ring, one, Framing::none);
    fail_unless_equals_int(entry->parts.size(), 10);
    fail_unless(cache.get(stream.ring, other, Framing::none) == entry);
    fail_unless(cache.get(stream.ring, other, Framing::chunked) != entry);
    *other.next += 3;
    fail_unless_equals_int(cache.get(stream.ring, other, Framing::none)->parts.size(), 7);
    fail_unless(cache.get(stream.ring, one, Framing::none) == entry);
}
GST_END_TEST

// A stuck viewer holds its current packet, not the stream.
GST_START_TEST(test_what_is_held) {
    Stream stream(40, 3000, false);
    stream.append_all();
    Viewing viewing;
    fail_unless(viewing.send(&stream.ring) == Status::blocked);
    fail_unless(viewing.sent > 3100);
    const uint64_t at = *viewing.outlet.cursor().next;
    fail_unless(at > 0 && at < 30, "%d", int(at));
    std::vector<std::weak_ptr<const fanout::Packet>> weak(stream.packets.begin(),
                                                          stream.packets.end());
    stream.packets.clear();
    stream.ring.restart({});
    for (size_t i = 0; i < weak.size(); ++i)
        fail_unless(weak[i].expired() == (i + 1 != at), "packet %d of %d", int(i), int(at));
}
GST_END_TEST

// An answer is never sent in the middle of a packet.
GST_START_TEST(test_answers_between_packets) {
    Stream stream(3, 30'000, false);
    stream.append_all();
    Viewing viewing;
    fail_unless(viewing.send(&stream.ring) == Status::blocked);
    viewing.outlet.push(fanout::private_packet({1, 2, 3, 4}));
    std::vector<uint8_t> got;
    for (int i = 0; i < 1000 && viewing.send(&stream.ring) != Status::idle; ++i)
        viewing.pair.take(got, 5000);
    viewing.pair.take(got, 100'000);
    std::vector<uint8_t> wanted = stream.bytes(Framing::none);
    const uint8_t answer[] = {1, 2, 3, 4};
    wanted.insert(wanted.begin() + 30'000, std::begin(answer), std::end(answer));
    fail_unless(got == wanted);
}
GST_END_TEST

GST_START_TEST(test_failure_says_why) {
    Stream stream(1, 10, false);
    stream.append_all();
    Viewing viewing;
    close(viewing.pair.ends[1]);
    viewing.pair.ends[1] = -1;
    fail_unless(viewing.send(&stream.ring) == Status::failed);
    fail_unless_equals_int(viewing.error, EPIPE);
    fail_unless_equals_uint64(viewing.sent, 0);
}
GST_END_TEST

GST_START_TEST(test_private_packets) {
    Viewing viewing;
    viewing.outlet.push(fanout::private_packet({1, 2, 3}));
    viewing.outlet.push(fanout::private_packet({}));
    viewing.outlet.push(fanout::private_packet({4}));
    fail_unless(viewing.send(nullptr) == Status::idle);
    std::vector<uint8_t> got;
    viewing.pair.take(got, 100);
    fail_unless(got == std::vector<uint8_t>({1, 2, 3, 4}));
}
GST_END_TEST

GST_START_TEST(test_slow_policy) {
    for (const fanout::Slow slow : {fanout::Slow::skip, fanout::Slow::close}) {
        Producer p({.gops = 1});
        p.push("VKddd");
        Viewing viewing;
        fanout::Outlet::Source source;
        source.ring = &p.ring;
        source.slow = slow;
        fanout::SocketWire wire(viewing.pair.ends[0]);
        const auto send = [&] {
            return viewing.outlet.send(wire, source, viewing.cache, viewing.sent, viewing.error);
        };
        fail_unless(send() == Status::idle);
        p.push("ddKdKd");
        if (slow == fanout::Slow::close) {
            fail_unless(send() == Status::lagging);
        } else {
            fail_unless(send() == Status::idle);
            fail_unless_equals_uint64(viewing.outlet.cursor().skipped, 1);
        }
    }
}
GST_END_TEST

static Suite *fanout_outlet_suite() {
    Suite *s = suite_create("fanout_outlet");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_partial_sends);
    tcase_add_test(tc, test_framing);
    tcase_add_test(tc, test_one_gather_list_for_all);
    tcase_add_test(tc, test_what_is_held);
    tcase_add_test(tc, test_answers_between_packets);
    tcase_add_test(tc, test_failure_says_why);
    tcase_add_test(tc, test_private_packets);
    tcase_add_test(tc, test_slow_policy);
    return s;
}
GST_CHECK_MAIN(fanout_outlet)
