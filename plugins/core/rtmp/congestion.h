// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides from what a connection has taken which video bitrate it can carry.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace penstock::rtmp {

/// The bitrate follows the connection down at once and returns in steps. Everything is measured in
/// media time (ms), so that the result does not depend on how busy the machine is. Not thread-safe.
class Congestion {
public:
    struct Settings {
        int64_t queued = 200;         ///< ms of unsent media from which the connection is congested
        int64_t window = 2'000;       ///< ms over which the throughput is measured
        int64_t least_window = 1'000; ///< ms below which it is unknown
        int64_t raise_after = 4'000;  ///< ms without congestion before each raise
        uint64_t minimum = 50'000;    ///< bit/s
        uint64_t step = 100'000;      ///< bit/s; a lowered bitrate is a multiple, if it is more
    };
    /// Totals since the connection began.
    struct Sample {
        int64_t time = 0;         ///< ms; of the newest media
        int64_t queued = 0;       ///< ms of media that have not left this machine
        uint64_t sent = 0;        ///< bytes that have
        uint64_t video_bytes = 0; ///< that came from the encoder
        uint64_t audio_bytes = 0;
    };
    struct Report {
        bool congested = false;
        uint64_t bitrate = 0;    ///< bit/s that the video should have now
        uint64_t original = 0;   ///< bit/s that it has without congestion
        uint64_t throughput = 0; ///< bit/s of the last two seconds
        int64_t queued = 0;      ///< ms
    };

    Congestion() = default;
    explicit Congestion(Settings settings) : settings_(settings) {}

    /// The encoder's own bitrate; bit/s. 0 (the default): the highest that was measured.
    void set_original(uint64_t bitrate);
    uint64_t original() const { return original_; }
    /// bit/s; 0 while unknown.
    uint64_t bitrate() const { return bitrate_; }
    bool is_congested() const { return congested_; }
    /// A new connection, whose throughput is not known yet. The bitrate stays.
    void restart() { samples_.clear(); }
    /// Returns a report when the bitrate or the state has changed.
    std::optional<Report> update(const Sample &sample);

private:
    bool measure(const Sample &sample, uint64_t &throughput, uint64_t &video, uint64_t &audio);
    uint64_t target(uint64_t throughput, uint64_t audio) const;

    Settings settings_;
    std::deque<Sample> samples_; ///< of the window; a hundred or so, one for each frame
    bool fixed_ = false;         ///< set_original() was called
    bool congested_ = false;
    uint64_t original_ = 0, bitrate_ = 0;
    int64_t calm_since_ = 0; ///< the last congestion or raise
};

} // namespace penstock::rtmp
