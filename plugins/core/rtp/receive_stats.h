// SPDX-License-Identifier: LGPL-2.1-or-later
// The figures of a receiver report about one source: loss, jitter and the last sender report.
// RFC 3550, 6.4.1, A.3 and A.8.
#pragma once

#include "core/rtp/continuity.h"
#include "core/rtp/rtcp.h"

namespace penstock::rtp {

/// Times are ns of any steady clock. Not thread-safe.
class ReceiveStats {
public:
    /// `clock_rate`: ticks of RTP timestamps in a second; above 0.
    explicit ReceiveStats(uint32_t clock_rate) : clock_rate_(clock_rate) {}

    /// A packet as it was sent first, and not as a retransmission on another SSRC.
    void received(uint32_t ssrc, uint16_t sequence, uint32_t timestamp, int64_t now);
    void received(const rtcp::SenderReport &report, int64_t now);
    /// The block for the next report; empty before the first packet. Ends an interval of
    /// ReportBlock::fraction_lost.
    std::optional<rtcp::ReportBlock> report(int64_t now);

    /// ns
    int64_t jitter() const;
    uint64_t packets() const { return packets_; } ///< of this SSRC

private:
    void restart(uint32_t ssrc, uint16_t sequence);
    void measure_jitter(uint32_t timestamp, int64_t now);

    uint32_t clock_rate_;
    ContinuityCheck check_;
    bool started_ = false;
    uint32_t ssrc_ = 0;
    int64_t first_ = 0, highest_ = 0; ///< extended sequence numbers
    uint64_t packets_ = 0;
    int64_t expected_before_ = 0, packets_before_ = 0; ///< at the last report
    std::optional<uint32_t> transit_;                  ///< ticks modulo 2^32
    uint32_t jitter_ = 0;                              ///< ticks * 16
    uint32_t last_report_ = 0;
    int64_t last_report_arrival_ = 0;
};

/// The round trip in ns that a block about our own stream tells of, by the compact NTP time of its
/// arrival; empty if it refers to no sender report, or is wrong.
std::optional<int64_t> round_trip_of(const rtcp::ReportBlock &block, uint32_t arrival);

} // namespace penstock::rtp
