// SPDX-License-Identifier: LGPL-2.1-or-later
// Gather writes over a real socket pair: whatever the socket takes at a time, every byte arrives
// once and in order; and the loops of a mount's players are woken once, however much comes.
#include "core/fanout/gather.h"
#include "core/net/loops.h"
#include "core/net/rtmp_mount.h"
#include "core/net/rtmp_state.h"

#include <boost/asio/post.hpp>
#include <future>

#include <sys/socket.h>
#include <unistd.h>

#include "unit/fanout_rig.hpp"

#include "check.hpp"

using namespace fanout_test;
using Status = fanout::Gather::Status;

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

std::vector<fanout::PacketPtr> packets_of(size_t count, size_t size, uint32_t chunk_size) {
    std::vector<fanout::PacketPtr> packets;
    for (size_t i = 0; i < count; ++i) {
        std::vector<uint8_t> body(size + i);
        for (size_t j = 0; j < body.size(); ++j)
            body[j] = uint8_t(j * 7 + i);
        packets.push_back(
            rtmp::make_packet(flv::make_tag(flv::TagType::video, 0, body), i, chunk_size));
    }
    return packets;
}

std::vector<uint8_t> bytes_of(const std::vector<fanout::PacketPtr> &packets) {
    std::vector<uint8_t> bytes;
    for (const auto &packet : packets)
        for (const ByteView piece : packet->pieces)
            bytes.insert(bytes.end(), piece.begin(), piece.end());
    return bytes;
}

} // namespace

// Small chunks: more pieces than one sendmsg takes; a small socket buffer: it stops anywhere.
GST_START_TEST(test_partial_sends) {
    for (const size_t step : {size_t(1777), size_t(100'000)}) {
        Pair pair;
        const auto packets = packets_of(20, 6000, 64);
        const std::vector<uint8_t> wanted = bytes_of(packets);
        fanout::Gather gather;
        gather.queue() = packets;
        std::vector<uint8_t> got;
        uint64_t sent = 0;
        int error = 0;
        unsigned blocked = 0;
        for (;;) {
            const Status status = gather.send(pair.ends[0], sent, error);
            fail_unless(status != Status::failed);
            if (status == Status::done) break;
            fail_if(gather.empty());
            ++blocked;
            pair.take(got, step);
        }
        fail_unless(gather.empty());
        fail_if(gather.in_packet());
        fail_unless(gather.queue().empty(), "sent packets are still held");
        while (got.size() < wanted.size())
            pair.take(got, step);
        fail_unless(blocked > 3, "the socket took everything at once");
        fail_unless_equals_uint64(sent, wanted.size());
        fail_unless(got == wanted);
    }
}
GST_END_TEST

// A packet is let go as soon as its last byte is sent, not when the whole batch is.
GST_START_TEST(test_sent_packets_are_released) {
    Pair pair;
    auto packets = packets_of(40, 3000, 65536);
    const std::weak_ptr<const rtmp::Packet> first = packets.front(), last = packets.back();
    fanout::Gather gather;
    gather.queue() = std::move(packets);
    packets.clear();
    uint64_t sent = 0;
    int error = 0;
    fail_unless(gather.send(pair.ends[0], sent, error) == Status::blocked);
    fail_unless(sent > 3100);
    fail_unless(first.expired());
    fail_if(last.expired());
}
GST_END_TEST

GST_START_TEST(test_failure_says_why) {
    Pair pair;
    close(pair.ends[1]);
    pair.ends[1] = -1;
    fanout::Gather gather;
    gather.queue() = packets_of(1, 10, 128);
    uint64_t sent = 0;
    int error = 0;
    fail_unless(gather.send(pair.ends[0], sent, error) == Status::failed);
    fail_unless_equals_int(error, EPIPE);
    fail_unless_equals_uint64(sent, 0);
}
GST_END_TEST

GST_START_TEST(test_private_packet) {
    Pair pair;
    fanout::Gather gather;
    gather.queue().push_back(fanout::private_packet({1, 2, 3}));
    gather.queue().push_back(fanout::private_packet({}));
    gather.queue().push_back(fanout::private_packet({4}));
    uint64_t sent = 0;
    int error = 0;
    fail_unless(gather.send(pair.ends[0], sent, error) == Status::done);
    std::vector<uint8_t> got;
    pair.take(got, 100);
    fail_unless(got == std::vector<uint8_t>({1, 2, 3, 4}));
}
GST_END_TEST

// A loop that is busy finds one thing to do when it is free, not one for each packet; a loop
// without players finds nothing.
GST_START_TEST(test_a_loop_is_woken_once) {
    const auto loops = net::Loops::shared();
    const auto state = std::make_shared<net::RtmpState>(loops);
    auto mount = state->mount("live/cam", true);
    mount->players = 1;
    mount->group(0).count = 1;
    std::promise<void> go;
    const std::shared_future<void> gone = go.get_future().share();
    std::atomic<size_t> held{0};
    for (size_t i = 0; i < loops->size(); ++i)
        boost::asio::post(loops->at(i), [gone, &held] {
            ++held;
            gone.wait();
        });
    while (held < loops->size())
        std::this_thread::yield();
    const long before = mount.use_count();
    for (int i = 0; i < 1000; ++i)
        state->wake(mount);
    // What is posted holds the mount.
    const long posted = mount.use_count() - before;
    go.set_value();
    fail_unless_equals_int64(posted, 1);
    // Done, and to be woken again.
    for (size_t i = 0; i < loops->size(); ++i) {
        std::promise<void> done;
        boost::asio::post(loops->at(i), [&done] { done.set_value(); });
        done.get_future().wait();
        fail_if(mount->group(i).woken.load());
    }
    fail_unless_equals_int64(mount.use_count(), before);
    mount->players = 0;
    mount->group(0).count = 0;
    state->wake(mount);
    fail_if(mount->group(0).woken.load()); // nobody there to be woken for
}
GST_END_TEST

static Suite *fanout_gather_suite() {
    Suite *s = suite_create("fanout_gather");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_partial_sends);
    tcase_add_test(tc, test_sent_packets_are_released);
    tcase_add_test(tc, test_failure_says_why);
    tcase_add_test(tc, test_private_packet);
    tcase_add_test(tc, test_a_loop_is_woken_once);
    return s;
}
GST_CHECK_MAIN(fanout_gather)
