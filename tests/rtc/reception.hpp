// SPDX-License-Identifier: LGPL-2.1-or-later
// What a viewer of WebRTC tells its server: receiver reports and, if wanted, requests for packets
// that are missing; and what it counts of a stream.
#pragma once

#include "core/rtp/nack.h"
#include "core/rtp/packet.h"
#include "core/rtp/receive_stats.h"
#include "core/rtp/rtcp.h"
#include "core/rtp/sequence.h"
#include "core/srtp/replay.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace rtc_test {

using namespace penstock;

/// One SSRC with its sequence numbers. Not thread-safe. Times are ns of a steady clock.
class Reception {
public:
    /// `clock`: Hz of the timestamps.
    explicit Reception(uint32_t clock) : stats_(clock) {}

    /// What a packet was in the sequence.
    enum class Place : uint8_t { next, after_gap, late, repeated };

    /// A packet of this source; with `asks`, those that are missing are remembered for nack().
    Place received(uint32_t ssrc, uint16_t sequence, uint32_t timestamp, int64_t now, bool asks) {
        ssrc_ = ssrc;
        const bool is_first = window_.empty();
        const uint64_t highest = window_.highest(), index = index_of(sequence);
        if (!count(index)) return Place::repeated;
        const bool is_late = !is_first && index < highest;
        const bool has_gap = !is_first && index > highest + 1;
        late_ += is_late;
        gaps_ += has_gap;
        stats_.received(ssrc, sequence, timestamp, now);
        if (asks) missing_.received(ssrc, sequence, now);
        return is_late ? Place::late : has_gap ? Place::after_gap : Place::next;
    }
    /// A packet that came as a retransmission on another SSRC; whether it was missing.
    bool repaired(uint16_t sequence, int64_t now) {
        if (window_.empty() || !count(index_of(sequence))) return false;
        missing_.received(ssrc_, sequence, now);
        ++repaired_;
        return true;
    }
    void received(const rtp::rtcp::SenderReport &report, int64_t now) {
        if (report.ssrc == ssrc_) stats_.received(report, now);
    }

    bool has_missing() const { return missing_.missing() > 0; }

    std::optional<rtp::rtcp::ReportBlock> report(int64_t now) { return stats_.report(now); }
    /// Asks for what is due; empty: nothing is.
    std::optional<rtp::rtcp::Nack> nack(uint32_t sender, int64_t now) {
        std::vector<uint16_t> sequences;
        missing_.take_due(now, sequences);
        if (sequences.empty()) return std::nullopt;
        rtp::rtcp::Nack out;
        out.sender = sender;
        out.media = ssrc_;
        out.set(sequences);
        return out;
    }

    uint32_t ssrc() const { return ssrc_; }
    uint64_t packets() const { return packets_; } ///< without duplicates, but with repaired ones
    uint64_t duplicates() const { return duplicates_; }
    uint64_t late() const { return late_; } ///< after one of a higher number
    uint64_t gaps() const { return gaps_; }
    uint64_t repaired() const { return repaired_; }
    uint64_t asked() const { return missing_.requests(); }
    /// Numbers that are missing between the first and the highest.
    uint64_t lost() const {
        const uint64_t expected = window_.empty() ? 0 : window_.highest() - first_ + 1;
        return expected - std::min(expected, packets_);
    }

private:
    using Window = srtp::ReplayWindow<1024>;

    /// Far from 0, because the first may be followed by earlier ones.
    uint64_t index_of(uint16_t sequence) {
        return uint64_t(sequence_.unwrap(sequence) + (1 << 20));
    }
    bool count(uint64_t index) {
        if (window_.place(index) != Window::Place::unused) {
            ++duplicates_;
            return false;
        }
        if (window_.empty() || index < first_) first_ = index;
        window_.use(index);
        ++packets_;
        return true;
    }

    rtp::Unwrapper<uint16_t> sequence_;
    Window window_;
    rtp::ReceiveStats stats_;
    rtp::MissingPackets missing_;
    uint32_t ssrc_ = 0;
    uint64_t first_ = 0, packets_ = 0, duplicates_ = 0, late_ = 0, gaps_ = 0, repaired_ = 0;
};

/// Writes what a viewer sends each second: one report about all sources, and its name.
inline std::vector<uint8_t> write_reports(uint32_t sender, const std::string &cname,
                                          std::vector<rtp::rtcp::ReportBlock> blocks) {
    Writer out;
    rtp::rtcp::ReceiverReport report;
    report.ssrc = sender;
    report.blocks = std::move(blocks);
    rtp::rtcp::SourceDescription names;
    names.chunks = {{sender, cname}};
    rtp::rtcp::write(report, out);
    rtp::rtcp::write(names, out);
    return out.take();
}

} // namespace rtc_test
