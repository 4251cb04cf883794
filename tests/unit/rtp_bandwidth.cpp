// SPDX-License-Identifier: LGPL-2.1-or-later
// The bitrate that is estimated from transport-wide feedback over simulated links.
#include "core/rtp/bandwidth.h"
#include "core/rtp/twcc_sender.h"

#include "unit/rtp_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtp;
using rig::millisecond;
using rig::second;

namespace {

constexpr int32_t lost = rtcp::TransportFeedback::not_received;

/// A bottleneck with a queue, in front of everything else that a network does.
struct Link {
    double bitrate = 3e6;             ///< bit/s
    int64_t delay = 30 * millisecond; ///< each way
    int64_t jitter = 0;               ///< at most, added behind the queue; packets keep their order
    double loss = 0;                  ///< at random
    int64_t queue = 500 * millisecond; ///< at most; what does not fit is dropped
    int64_t busy_until = 0, last_arrival = 0;
    std::mt19937 random{1};

    double chance() { return static_cast<double>(random() % 10'000) / 10'000; }
    /// When a packet sent now arrives; empty: it does not.
    std::optional<int64_t> send(size_t bytes, int64_t now) {
        if (chance() < loss) return std::nullopt;
        const int64_t begin = std::max(now, busy_until);
        if (begin - now > queue) return std::nullopt;
        busy_until = begin + static_cast<int64_t>(static_cast<double>(bytes * 8) / bitrate * 1e9);
        const int64_t extra = jitter > 0 ? int64_t(random()) % jitter : 0;
        last_arrival = std::max(last_arrival, busy_until + delay + extra);
        return last_arrival;
    }
    int64_t queued(int64_t now) const { return std::max<int64_t>(busy_until - now, 0); }
};

/// A sender of 1200-byte packets at the estimated bitrate, and its receiver, whose clock is
/// another.
class Flow {
public:
    explicit Flow(uint64_t start) : estimator({.start = start}) {}

    BandwidthEstimator estimator;
    bool answers = true;
    double most = 1e12; ///< bit/s that there are to send

    /// A millisecond.
    void step(Link &link, int64_t now) {
        for (; !arriving_.empty() && arriving_.front().second <= now; arriving_.pop_front())
            log_.received(arriving_.front().first, arriving_.front().second + clock);
        while (auto feedback = log_.take_feedback(now + clock)) {
            // As it is on the wire.
            Writer wire;
            fail_unless(rtcp::write(*feedback, wire) && wire.size() < 1'100);
            rtcp::Compound read;
            fail_unless(rtcp::parse(wire.view(), read).is_ok());
            if (answers)
                answers_.emplace_back(std::get<rtcp::TransportFeedback>(read.packets.at(0)),
                                      now + link.delay);
        }
        for (; !answers_.empty() && answers_.front().second <= now; answers_.pop_front())
            estimator.feedback(answers_.front().first, now);
        estimator.check(now);
        // Frames of 33 ms, paced at one and a half times the bitrate.
        const double rate = std::min(static_cast<double>(estimator.target()), most);
        if (now % (33 * millisecond) < millisecond) waiting_ += rate * 0.033;
        paced_ = std::min(paced_ + rate * 1.5 / 1'000, 20'000.0);
        for (; waiting_ >= size * 8 && paced_ >= size * 8;
             waiting_ -= size * 8, paced_ -= size * 8) {
            estimator.sent(sequence_, size, now);
            if (const auto arrival = link.send(size, now))
                arriving_.emplace_back(sequence_, *arrival);
            ++sequence_;
        }
    }

private:
    static constexpr size_t size = 1'200;
    static constexpr int64_t clock = 123'456'789 * millisecond;
    ArrivalLog log_;
    std::deque<std::pair<uint16_t, int64_t>> arriving_;
    std::deque<std::pair<rtcp::TransportFeedback, int64_t>> answers_;
    double waiting_ = 0, paced_ = 0; ///< bits
    uint16_t sequence_ = 65'000;
};

/// What happened in the last half of a run.
struct Outcome {
    double least = 1e12, most = 0, mean = 0; ///< bit/s
    int64_t queued = 0;                      ///< ns at most
};

struct World {
    Link link;
    std::vector<Flow> flows;
    int64_t now = 5 * second;

    explicit World(std::vector<uint64_t> starts) {
        for (const uint64_t start : starts)
            flows.emplace_back(start);
    }
    Outcome run(int64_t duration) {
        Outcome outcome;
        const int64_t begin = now, end = now + duration;
        int counted = 0;
        for (; now < end; now += millisecond) {
            for (Flow &flow : flows)
                flow.step(link, now);
            if (now - begin < duration / 2) continue;
            const auto target = static_cast<double>(flows[0].estimator.target());
            outcome.least = std::min(outcome.least, target);
            outcome.most = std::max(outcome.most, target);
            outcome.mean += target;
            ++counted;
            outcome.queued = std::max(outcome.queued, link.queued(now));
        }
        outcome.mean /= counted;
        if (g_getenv("RTP_BANDWIDTH_PRINT"))
            g_print("%5.1f s: %8.0f to %8.0f, mean %8.0f, queue %3d ms, loss %.2f, rtt %d\n",
                    double(now) / second, outcome.least, outcome.most, outcome.mean,
                    int(outcome.queued / millisecond), flows[0].estimator.loss(),
                    int(flows[0].estimator.round_trip() / millisecond));
        return outcome;
    }
};

} // namespace

GST_START_TEST(test_rise) {
    World world({300'000});
    world.run(8 * second);
    // Within seconds most of the link, and never much of a queue afterwards.
    const Outcome steady = world.run(20 * second);
    fail_unless(steady.least > 1.8e6 && steady.most < 3.6e6 && steady.mean > 2.2e6);
    fail_unless(steady.queued < 200 * millisecond);
    fail_unless(world.flows[0].estimator.loss() < 0.01);
    const int64_t trip = world.flows[0].estimator.round_trip();
    fail_unless(trip > 60 * millisecond && trip < 250 * millisecond);
    fail_unless(world.flows[0].estimator.throughput() > 1'800'000);
}
GST_END_TEST

GST_START_TEST(test_fall_and_return) {
    World world({2'000'000});
    world.run(15 * second);
    world.link.bitrate = 700'000;
    const Outcome fall = world.run(6 * second); // the last three of them
    fail_unless(fall.most < 900'000, "%f", fall.most);
    const Outcome low = world.run(10 * second);
    fail_unless(low.mean > 400'000 && low.most < 900'000 && low.queued < 250 * millisecond);
    world.link.bitrate = 3e6;
    world.run(15 * second);
    const Outcome back = world.run(20 * second);
    fail_unless(back.mean > 2e6, "%f", back.mean);
}
GST_END_TEST

GST_START_TEST(test_jitter) {
    // Of mobile networks: not mistaken for a queue.
    for (const int64_t jitter : {10 * millisecond, 40 * millisecond}) {
        World world({1'000'000});
        world.link.jitter = jitter;
        world.link.bitrate = 4e6;
        world.run(20 * second);
        const Outcome steady = world.run(20 * second);
        fail_unless(steady.mean > 2e6, "%f", steady.mean);
        fail_unless(steady.queued < 300 * millisecond);
    }
}
GST_END_TEST

GST_START_TEST(test_loss) {
    // A little at random means nothing.
    World little({500'000});
    little.link.loss = 0.01;
    little.run(10 * second);
    fail_unless(little.run(20 * second).mean > 2e6);
    // Much of it does; and the cap goes when the loss does.
    World much({1'000'000});
    much.run(10 * second);
    much.link.loss = 0.25;
    const Outcome lossy = much.run(10 * second);
    fail_unless(lossy.mean < 900'000, "%f", lossy.mean);
    fail_unless(much.flows[0].estimator.loss() > 0.1);
    much.link.loss = 0;
    much.run(20 * second);
    fail_unless(much.run(20 * second).mean > 1.5e6);
}
GST_END_TEST

GST_START_TEST(test_two_flows) {
    World world({500'000, 500'000});
    world.link.bitrate = 4e6;
    world.run(60 * second);
    const auto first = static_cast<double>(world.flows[0].estimator.target());
    const auto second_flow = static_cast<double>(world.flows[1].estimator.target());
    fail_unless(first + second_flow > 2.4e6 && first + second_flow < 5e6);
    fail_unless(first > 600'000 && second_flow > 600'000, "%f %f", first, second_flow);
}
GST_END_TEST

GST_START_TEST(test_limits) {
    // A sender that has little to send learns nothing about more.
    World idle({1'000'000});
    idle.flows[0].most = 400'000;
    const Outcome outcome = idle.run(20 * second);
    fail_unless(outcome.most < 1'100'000, "%f", outcome.most);
    // The receiver's limit, and ours.
    BandwidthEstimator &estimator = idle.flows[0].estimator;
    estimator.set_remote_limit(200'000);
    fail_unless(estimator.target() == 200'000);
    estimator.set_remote_limit(1);
    fail_unless(estimator.target() == 50'000);
    estimator.set_remote_limit(0);
    // No answers any more.
    idle.flows[0].answers = false;
    idle.run(30 * second);
    fail_unless(estimator.target() < 200'000);
    idle.flows[0].answers = true;
    idle.flows[0].most = 1e12;
    idle.run(20 * second);
    fail_unless(estimator.target() > 300'000);

    // A pause after a packet that was lost: its silence counts once.
    BandwidthEstimator paused;
    paused.sent(1, 1'200, 0);
    for (int64_t now = 0; now < 20 * second; now += 250 * millisecond)
        paused.check(now);
    fail_unless(paused.target() == 800'000);
    paused.sent(2, 1'200, 20 * second);
    paused.check(22 * second);
    fail_unless(paused.target() == 640'000);

    // Feedback about packets that were never sent, or long ago, with any times.
    BandwidthEstimator strange;
    std::mt19937 random(5);
    for (int turn = 0; turn < rounds(3'000); ++turn) {
        if (turn % 3 == 0) strange.sent(static_cast<uint16_t>(turn / 3), 1'200, turn * millisecond);
        rtcp::TransportFeedback f;
        f.base_sequence = static_cast<uint16_t>(turn / 3 - int(random() % 100));
        f.reference_time = static_cast<int32_t>(random()) >> 8;
        for (unsigned i = 0; i < random() % 200; ++i)
            f.deltas.push_back(random() % 3 ? int32_t(random() % 65'536) - 32'768 : lost);
        strange.feedback(f, turn * millisecond);
        fail_unless(strange.target() >= 50'000 && strange.target() <= 100'000'000);
    }
}
GST_END_TEST

static Suite *rtp_bandwidth_suite() {
    Suite *s = suite_create("rtp_bandwidth");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_rise);
    tcase_add_test(tc, test_fall_and_return);
    tcase_add_test(tc, test_jitter);
    tcase_add_test(tc, test_loss);
    tcase_add_test(tc, test_two_flows);
    tcase_add_test(tc, test_limits);
    return s;
}
GST_CHECK_MAIN(rtp_bandwidth)
