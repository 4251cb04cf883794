// SPDX-License-Identifier: LGPL-2.1-or-later
// Estimates from transport-wide feedback which bitrate a viewer's network carries.
#pragma once

#include "core/rtp/delay_trend.h"
#include "core/rtp/rtcp.h"

#include <cstddef>
#include <deque>
#include <optional>

namespace penstock::rtp {

/// In the spirit of Google's congestion control (draft-ietf-rmcat-gcc-02): the bitrate rises until
/// the delay grows, falls to 85 % of what arrives, and is capped by loss. It does not rise far
/// above what is really sent: a sender that wants to know whether more would fit sends more
/// (padding, retransmissions). Times are ns of any steady clock, and never go back. Not
/// thread-safe.
class BandwidthEstimator {
public:
    struct Settings {
        uint64_t start = 1'000'000;                       ///< bit/s
        uint64_t minimum = 50'000, maximum = 100'000'000; ///< bit/s
    };
    /// Packets without feedback that are remembered.
    static constexpr size_t max_sent = 4'096;
    /// ns for which they are.
    static constexpr int64_t max_age = 10'000'000'000;

    BandwidthEstimator() : BandwidthEstimator(Settings()) {}
    explicit BandwidthEstimator(const Settings &settings);

    /// A packet of `bytes` has left. Sequence numbers are transport-wide and count up by 1.
    void sent(uint16_t sequence, size_t bytes, int64_t now);
    void feedback(const rtcp::TransportFeedback &feedback, int64_t now);
    /// Lowers the bitrate if packets are sent and nothing is heard of them; once, if no more are
    /// sent. To be called a few times in a second.
    void check(int64_t now);
    /// Sets the bitrate that the receiver allows (REMB); bit/s, 0: any.
    void set_remote_limit(uint64_t bitrate) { remote_limit_ = bitrate; }

    /// bit/s of everything that the transport sends
    uint64_t target() const;
    /// bit/s that arrived in the last half second; 0: unknown
    uint64_t throughput() const { return static_cast<uint64_t>(throughput_); }
    /// The share of lost ones among the packets that were reported last; 0 to 1.
    double loss() const { return loss_; }
    /// ns, with the time that feedback waits; 0: unknown.
    int64_t round_trip() const { return round_trip_; }

private:
    enum class Fate : uint8_t { unknown, lost, arrived };
    struct Sent {
        int64_t time = 0;
        uint32_t bytes = 0;
        Fate fate = Fate::unknown;
    };
    struct Arrived {
        int64_t time = 0; ///< the receiver's clock
        uint32_t bytes = 0;
    };
    void take_arrival(Sent &sent, int64_t arrived);
    void take_loss(Sent &sent);
    void measure_throughput();
    void follow_delay(int64_t now);
    void follow_loss(int64_t now);
    void decrease(int64_t now);
    void increase(double seconds);
    double growth(double seconds) const;
    void learn_capacity(double rate);
    double upper_capacity() const;
    void forget_old(int64_t now);
    int64_t reference_of(const rtcp::TransportFeedback &feedback);

    Settings settings_;
    std::deque<Sent> sent_;            ///< on their way, mostly
    int64_t end_ = 0;                  ///< sequence after the last of sent_, unwrapped
    std::optional<int64_t> reference_; ///< steps of 64 ms, unwrapped
    DelayTrend trend_;
    std::deque<Arrived> arrived_; ///< of the last half second
    double throughput_ = 0;       ///< bit/s
    int64_t round_trip_ = 0;

    double delay_target_, loss_cap_; ///< bit/s
    uint64_t remote_limit_ = 0;
    bool starting_ = true;                        ///< the delay has never grown
    double capacity_ = 0, capacity_variance_ = 0; ///< at decreases; bit/s; 0: unknown
    std::optional<int64_t> updated_, decreased_, loss_updated_, loss_decreased_; ///< ns
    int64_t steady_since_ = 0; ///< ns; when the capacity was last known to be reached
    double loss_ = 0;
    int reported_ = 0, lost_ = 0;       ///< since loss_ was computed
    std::optional<int64_t> unanswered_; ///< ns; since when packets leave without feedback
};

} // namespace penstock::rtp
