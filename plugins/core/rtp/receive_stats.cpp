// SPDX-License-Identifier: LGPL-2.1-or-later
// Counts what a receiver report says.
#include "core/rtp/receive_stats.h"

#include "core/rtp/clock.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace penstock::rtp {

void ReceiveStats::restart(uint32_t ssrc, uint16_t sequence) {
    if (ssrc != ssrc_) last_report_ = 0;
    check_.restart(ssrc);
    ssrc_ = ssrc;
    first_ = highest_ = sequence;
    packets_ = 1;
    expected_before_ = packets_before_ = 0;
    transit_.reset();
    jitter_ = 0;
}

void ReceiveStats::received(uint32_t ssrc, uint16_t sequence, uint32_t timestamp, int64_t now) {
    if (!started_) {
        started_ = true;
        restart(ssrc, sequence);
        measure_jitter(timestamp, now);
        return;
    }
    switch (check_.check(ssrc, sequence, static_cast<uint16_t>(highest_ + 1))) {
    case Continuity::next:
        highest_ += 1 + sequence_distance(static_cast<uint16_t>(highest_ + 1), sequence);
        break;
    case Continuity::old:
        break;
    case Continuity::suspect:
        return;
    case Continuity::restart:
        restart(ssrc, sequence);
        measure_jitter(timestamp, now);
        return;
    }
    ++packets_;
    measure_jitter(timestamp, now);
}

void ReceiveStats::measure_jitter(uint32_t timestamp, int64_t now) {
    const auto arrival = static_cast<uint32_t>(ticks_of(now, clock_rate_));
    const uint32_t transit = arrival - timestamp;
    if (transit_) {
        const auto difference =
            static_cast<uint32_t>(std::abs(timestamp_distance(*transit_, transit)));
        // A jump of the timestamps is no jitter.
        if (difference < clock_rate_ * uint64_t(10)) jitter_ += difference - ((jitter_ + 8) >> 4);
    }
    transit_ = transit;
}

void ReceiveStats::received(const rtcp::SenderReport &report, int64_t now) {
    if (!started_ || report.ssrc != ssrc_) return;
    last_report_ = compact_ntp(report.ntp);
    last_report_arrival_ = now;
}

std::optional<rtcp::ReportBlock> ReceiveStats::report(int64_t now) {
    if (!started_) return std::nullopt;
    const int64_t expected = highest_ - first_ + 1, packets = int64_t(packets_);
    const int64_t expected_now = expected - std::exchange(expected_before_, expected);
    const int64_t lost_now = expected_now - (packets - std::exchange(packets_before_, packets));
    rtcp::ReportBlock block;
    block.ssrc = ssrc_;
    if (expected_now > 0 && lost_now > 0)
        block.fraction_lost =
            static_cast<uint8_t>(std::min<int64_t>((lost_now << 8) / expected_now, 255));
    block.lost = static_cast<int32_t>(std::clamp<int64_t>(expected - packets, -0x800000, 0x7FFFFF));
    block.highest_sequence = static_cast<uint32_t>(highest_);
    block.jitter = jitter_ >> 4;
    if (last_report_ != 0) {
        block.last_report = last_report_;
        // After 18 hours it would wrap.
        const int64_t delay = std::max<int64_t>(now - last_report_arrival_, 0);
        block.delay = static_cast<uint32_t>(std::min<int64_t>(ticks_of(delay, 65'536), UINT32_MAX));
    }
    return block;
}

int64_t ReceiveStats::jitter() const {
    return nanoseconds_of(jitter_ >> 4, clock_rate_);
}

std::optional<int64_t> round_trip_of(const rtcp::ReportBlock &block, uint32_t arrival) {
    if (block.last_report == 0) return std::nullopt;
    const int64_t ticks = timestamp_distance(block.last_report + block.delay, arrival);
    // Clocks are read in steps, so that none may seem to be slightly negative.
    if (ticks < -655 || ticks > 60 * 65'536) return std::nullopt;
    return nanoseconds_of(std::max<int64_t>(ticks, 0), 65'536);
}

} // namespace penstock::rtp
