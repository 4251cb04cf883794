// SPDX-License-Identifier: LGPL-2.1-or-later
// Passes of a loop: it is woken once for any amount of data, every viewer is served even if others
// leave meanwhile, nothing appended is lost, and writes coalesce when there are many. Where times
// are tested, the test holds the clock and advances it.
#include "core/net/loop/held_clock.h"
#include "core/net/stream/audience.h"
#include "core/net/stream/viewer.h"

#include <boost/asio/post.hpp>

#include <future>
#include <thread>

#include "check.hpp"
#include "eventually.hpp"

using namespace penstock;
using net::Audience;
using penstock_test::eventually;

namespace {

constexpr uint64_t ms = 1'000'000;

fanout::PacketPtr packet() {
    return fanout::plain_packet(Bytes::copy_of("packet"));
}

/// Runs a function on a loop, and waits for it.
void on_loop(net::Loops &loops, size_t loop, std::function<void()> what) {
    auto done = std::make_shared<std::promise<void>>();
    auto future = done->get_future();
    boost::asio::post(loops.at(loop), [&what, done] {
        what();
        done->set_value();
    });
    future.wait();
}

/// Reads all new packets, as a connection would.
struct Reader final : net::Viewer {
    Reader(Audience &of, std::shared_ptr<net::Loops> loops)
        : Viewer(std::move(loops), 0), audience(of) {}
    void close(const std::string &) override {}
    net::PeerInfo peer_info() const override { return {}; }
    bool is_admitted() override { return true; }
    bool prepare(fanout::Outlet::Source &, bool) override {
        read();
        return false; // nothing is left for a socket
    }
    fanout::Outlet::Status write(const fanout::Outlet::Source &, fanout::BatchCache &, uint64_t &,
                                 int &) override {
        return fanout::Outlet::Status::idle;
    }
    void wait_writable(fanout::Outlet::Status) override {}
    void say_ended() override {}
    void close_now(net::LogLevel, const std::string &) override {}
    void read() {
        ++pumped;
        std::vector<fanout::PacketPtr> first;
        while (audience.ring().settle(cursor, {}, {}, first) == fanout::Ring::Place::behind) {
            fanout::Batch batch;
            audience.ring().read(cursor, 1000, SIZE_MAX, batch);
            cursor.next = batch.end;
            packets += batch.packets.size();
            ++writes;
        }
        if (on_pump) on_pump();
    }
    Audience &audience;
    fanout::Cursor cursor;
    std::atomic<unsigned> pumped{0}, packets{0}, writes{0};
    std::function<void()> on_pump;
};

struct Rig {
    explicit Rig(size_t count, fanout::Policy policy = {}) {
        audience->set_policy(policy);
        audience->ring().restart({.gops = 100'000});
        for (size_t i = 0; i < count; ++i)
            readers.push_back(std::make_unique<Reader>(*audience, loops));
        on_loop(*loops, 0, [this] {
            for (const auto &reader : readers)
                audience->add(*reader, 0);
        });
    }
    ~Rig() {
        on_loop(*loops, 0, [this] {
            for (const auto &reader : readers)
                if (reader) audience->remove(*reader, 0);
        });
    }
    void append(bool awaited = true) {
        audience->ring().append(packet(), net::steady_ns(), true);
        audience->wake(awaited);
    }
    /// Waits until every reader has this many packets; false if that never happens.
    bool wait_for(unsigned packets) {
        return eventually([&] {
            bool all = true;
            on_loop(*loops, 0, [&] {
                for (const auto &reader : readers)
                    all = all && (!reader || reader->packets >= packets);
            });
            return all;
        });
    }
    /// Starts counting anew.
    void reset_counts() {
        on_loop(*loops, 0, [this] {
            for (const auto &reader : readers)
                reader->writes = reader->packets = 0;
        });
    }
    /// Waits until this reader has all packets; false if that never happens.
    bool wait_for_all(const Reader &reader) {
        const uint64_t all = audience->ring().packets();
        return eventually([&] {
            bool has_all = false;
            on_loop(*loops, 0, [&] { has_all = reader.cursor.next == all; });
            return has_all;
        });
    }
    std::shared_ptr<net::Loops> loops = net::Loops::shared();
    std::shared_ptr<Audience> audience = std::make_shared<Audience>(loops);
    std::vector<std::unique_ptr<Reader>> readers;
};

/// Readers whose clock only the test advances.
struct TimedRig : Rig {
    using Rig::Rig;
    ~TimedRig() { settle(); }
    /// Waits until the loop has run everything that was posted to it, also by that.
    void settle() {
        for (int i = 0; i < 4; ++i)
            on_loop(*loops, 0, [] {});
    }
    void advance(unsigned milliseconds) {
        settle();
        clock.advance(std::chrono::milliseconds(milliseconds));
        settle();
    }
    /// Appends packets at a steady rate, like a publisher.
    void append_each(unsigned milliseconds, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            append();
            advance(milliseconds);
        }
    }
    /// Advances until all have that many packets; returns the milliseconds, 1000 if that never
    /// happens.
    unsigned time_until(unsigned packets) {
        for (unsigned time = 0; time < 1000; time += 5) {
            bool all = true;
            for (const auto &reader : readers)
                all = all && reader->packets >= packets;
            if (all) return time;
            advance(5);
        }
        return 1000;
    }
    net::HeldClock clock{*loops};
};

} // namespace

// A busy loop finds a single task when it is free, not one per packet; a loop without viewers finds
// none.
GST_START_TEST(test_a_loop_is_woken_once) {
    Rig rig(3);
    auto go = std::make_shared<std::promise<void>>();
    std::atomic<bool> held{false};
    boost::asio::post(rig.loops->at(0), [go, &held] {
        held = true;
        go->get_future().wait();
    });
    while (!held)
        std::this_thread::yield();
    const long before = rig.audience.use_count();
    for (int i = 0; i < 1000; ++i)
        rig.append();
    // The posted task holds the stream.
    fail_unless_equals_int64(rig.audience.use_count() - before, 1);
    go->set_value();
    fail_unless(rig.wait_for(1));
    for (const auto &reader : rig.readers)
        fail_unless(reader->writes <= 2, "%u writes", reader->writes.load());
}
GST_END_TEST

GST_START_TEST(test_everybody_is_served) {
    Rig rig(500);
    // During the pass every fifth viewer leaves, whether it was already served or not.
    size_t next = 0;
    rig.readers[250]->on_pump = [&rig, &next] {
        for (; next < rig.readers.size(); next += 5) {
            if (next == 250) continue;
            rig.audience->remove(*rig.readers[next], 0);
            rig.readers[next].reset();
        }
    };
    for (unsigned i = 0; i < 50; ++i)
        rig.append();
    rig.append();
    fail_unless(rig.wait_for(1));
    fail_unless_equals_int(rig.audience->viewers.load(), 401);
}
GST_END_TEST

// However appending and serving interleave, the last packet arrives.
GST_START_TEST(test_nothing_is_forgotten) {
    for (const double send_rate : {1e9, 100.0}) {
        fanout::Policy policy;
        policy.send_rate = send_rate;
        policy.coalesce_max = 5 * ms;
        Rig rig(50, policy);
        unsigned appended = 0;
        for (int round = 0; round < 40; ++round) {
            for (int i = 0; i < 20; ++i, ++appended)
                rig.append(i % 3 == 0);
            if (round == 0) appended = 1; // those who join begin with the newest
            std::this_thread::sleep_for(std::chrono::milliseconds(round % 7));
        }
        for (const auto &reader : rig.readers)
            fail_unless(rig.wait_for_all(*reader));
    }
}
GST_END_TEST

// Far over its budget a stream writes at most once per `coalesce_max`, and loses nothing.
GST_START_TEST(test_writes_coalesce) {
    fanout::Policy policy;
    policy.send_rate = 1;
    policy.coalesce_max = 100 * ms;
    TimedRig rig(20, policy);
    rig.append_each(5, 150); // the rate is known after a while
    rig.reset_counts();
    rig.append_each(5, 200); // a second
    for (const auto &reader : rig.readers)
        fail_unless(reader->writes >= 9 && reader->writes <= 11, "%u writes",
                    reader->writes.load());
    fail_unless(rig.time_until(200) <= 100);
}
GST_END_TEST

// If `coalesce_max` alone limits the rate, the first waiting packet waits that long, and packets
// that arrive meanwhile leave with it.
GST_START_TEST(test_a_packet_waits_out_its_time) {
    fanout::Policy policy;
    policy.send_rate = 1;
    policy.coalesce_max = 200 * ms;
    TimedRig rig(5, policy);
    rig.append_each(10, 60); // the rate is known after a while
    rig.advance(200);
    for (int round = 0; round < 3; ++round) {
        rig.reset_counts();
        rig.append();
        rig.append();
        fail_unless_equals_int(rig.time_until(2), 200);
        for (const auto &reader : rig.readers)
            fail_unless_equals_int(reader->writes, 1);
    }
}
GST_END_TEST

// If a turn comes once in several frames, each frame serves a part of the viewers; and the last
// frame arrives without another one after it.
GST_START_TEST(test_parts_take_turns) {
    fanout::Policy policy;
    policy.send_rate = 500; // one write each 200 ms, of a picture each 10 ms
    TimedRig rig(100, policy);
    const auto positions = [&rig] {
        std::set<uint64_t> found;
        on_loop(*rig.loops, 0, [&] {
            for (const auto &reader : rig.readers)
                found.insert(reader->cursor.next.value_or(0));
        });
        return found.size();
    };
    rig.append_each(10, 100); // the rate is known after a while
    rig.reset_counts();
    size_t most = 0;
    for (int i = 0; i < 200; ++i) {
        rig.append_each(10, 1);
        most = std::max(most, positions());
    }
    fail_unless(most >= 3, "readers were at %u places at most", unsigned(most));
    for (const auto &reader : rig.readers) // two seconds; a turn may come a frame early
        fail_unless(reader->writes >= 9 && reader->writes <= 13, "%u writes",
                    reader->writes.load());
    fail_unless(rig.time_until(200) <= 200);
}
GST_END_TEST

// The budget also holds for fewer viewers than there are frames between two turns.
GST_START_TEST(test_few_have_parts) {
    fanout::Policy policy;
    policy.send_rate = 20; // two viewers: one write each 100 ms, of a picture each 5 ms
    TimedRig rig(2, policy);
    rig.append_each(5, 200); // the rate is known after a while
    rig.reset_counts();
    rig.append_each(5, 200); // a second
    for (const auto &reader : rig.readers)
        fail_unless(reader->writes >= 9 && reader->writes <= 11, "%u writes",
                    reader->writes.load());
    fail_unless(rig.time_until(200) <= 100);
}
GST_END_TEST

static Suite *net_audience_suite() {
    Suite *s = suite_create("net_audience");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_a_loop_is_woken_once);
    tcase_add_test(tc, test_everybody_is_served);
    tcase_add_test(tc, test_nothing_is_forgotten);
    tcase_add_test(tc, test_writes_coalesce);
    tcase_add_test(tc, test_a_packet_waits_out_its_time);
    tcase_add_test(tc, test_parts_take_turns);
    tcase_add_test(tc, test_few_have_parts);
    return s;
}
GST_CHECK_MAIN(net_audience)
