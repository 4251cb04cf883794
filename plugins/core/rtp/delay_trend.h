// SPDX-License-Identifier: LGPL-2.1-or-later
// Sees from arrival times whether a queue grows in the network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace penstock::rtp {

/// What the one-way delay does.
enum class Delay { steady, grows, shrinks };

/// Fits a line to the delays of the last groups of packets, as Google's congestion control does
/// (draft-ietf-rmcat-gcc-02, 5, with a trendline in place of the Kalman filter). The threshold
/// adapts, so that jitter does not count as a queue. Clocks of both sides need no relation. Not
/// thread-safe.
class DelayTrend {
public:
    /// A packet of the sender's and the receiver's times in ns, in the order of sending.
    void add(int64_t sent, int64_t arrived);
    Delay delay() const { return delay_; }

private:
    /// Packets that were sent at a time, or arrived so after having been held up together.
    struct Group {
        int64_t first_sent = 0, last_sent = 0;
        int64_t first_arrived = 0, last_arrived = 0;
    };
    struct Point {
        double time = 0, delay = 0; ///< ms
    };
    static bool belongs(const Group &group, int64_t sent, int64_t arrived);
    void end_group();
    void add_step(double sent_step, double arrived_step, int64_t arrived);
    double slope() const;
    void judge(double slope, double sent_step);
    void adapt(double trend, double passed);
    void reset();

    std::optional<Group> group_, last_;
    std::deque<Point> points_;
    std::optional<int64_t> begin_;  ///< arrival of the first point; ns
    double sum_ = 0, smoothed_ = 0; ///< ms of delay since the beginning
    unsigned steps_ = 0;
    double threshold_ = 12.5; ///< ms
    double growing_ = 0;      ///< ms for which the trend is above the threshold
    unsigned grown_ = 0;      ///< steps, likewise
    double last_slope_ = 0;
    Delay delay_ = Delay::steady;
};

} // namespace penstock::rtp
