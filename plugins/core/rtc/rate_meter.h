// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures the bitrates of a stream's tracks, as its viewers get them.
#pragma once

#include "core/rtc/rtp_frame.h"
#include "core/rtc/stream_rates.h"

#include <array>
#include <cstdint>

namespace penstock::rtc {

/// Over the last seconds. Times are ns of any steady clock. Not thread-safe.
class RateMeter {
public:
    /// Takes a frame; true if there are new figures, once a second.
    bool add(const RtpFrame &frame, uint64_t now);
    const StreamRates &rates() const { return rates_; }
    /// Packets in the last second.
    unsigned packet_rate() const { return packet_rate_; }

private:
    struct Bytes {
        std::array<uint32_t, max_rungs> all{}, keyframes{};
        uint32_t audio = 0;
    };
    /// Seconds of which the figures are the mean: more than one interval of keyframes.
    static constexpr size_t seconds = 6;

    void measure(double length);

    std::array<Bytes, seconds> bytes_{};
    size_t now_ = 0;    ///< the index of the second that has begun
    size_t filled_ = 0; ///< those before it
    uint64_t since_ = 0;
    unsigned packets_ = 0, packet_rate_ = 0;
    StreamRates rates_;
};

} // namespace penstock::rtc
