// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells a sender when its packets arrived, for its congestion control.
// draft-holmer-rmcat-transport-wide-cc-extensions-01.
#pragma once

#include "core/rtp/rtcp.h"
#include "core/rtp/sequence.h"

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace penstock::rtp {

/// The arrivals of one transport. Each packet is told of once; one that arrives late is told of
/// after all, with the ones around it again. Times are ns of any steady clock. Not thread-safe.
class ArrivalLog {
public:
    struct Limits {
        int64_t interval = 100'000'000; ///< ns between two turns of feedback; 50 to 100 ms
        size_t statuses =
            400; ///< of a message, so that it fits into a datagram: 1000 bytes at most
    };
    /// Packets of which arrivals are kept.
    static constexpr int64_t kept = 4'096;

    ArrivalLog() : ArrivalLog(Limits()) {}
    explicit ArrivalLog(const Limits &limits);

    /// A packet with this transport-wide sequence number has arrived, of whatever SSRC.
    void received(uint16_t sequence, int64_t now);
    /// The next message, with `sender` and `media` to be set by the caller; call until it is empty.
    /// Empty within the interval, and without new arrivals.
    std::optional<rtcp::TransportFeedback> take_feedback(int64_t now);
    /// When there will be feedback; empty: not without arrivals.
    std::optional<int64_t> deadline() const;

private:
    static constexpr int64_t none = INT64_MIN;
    int64_t &arrival(int64_t sequence) { return arrivals_[size_t(sequence & (kept - 1))]; }
    void advance(int64_t sequence);

    Limits limits_;
    Unwrapper<uint16_t> unwrapper_;
    std::vector<int64_t> arrivals_;  ///< in ticks of feedback, by sequence; none: not arrived
    int64_t end_ = 0;                ///< after the highest sequence
    std::optional<int64_t> pending_; ///< the first sequence that is to be told of
    bool in_turn_ = false;           ///< a turn has more messages
    std::optional<int64_t> next_;    ///< ns; the next turn
    uint8_t count_ = 0;
};

} // namespace penstock::rtp
