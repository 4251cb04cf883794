// SPDX-License-Identifier: LGPL-2.1-or-later
// Knows which packets of a track are missing, and when to ask for them again.
#pragma once

#include "core/rtp/continuity.h"

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace penstock::rtp {

/// Asks for a missing packet at once and then once in each round trip, and gives up after some
/// tries or when nobody would wait for it any more. Times are ns of any steady clock, and never go
/// back. Not thread-safe.
class MissingPackets {
public:
    struct Limits {
        size_t packets = 250;        ///< missing at a time; with more, all are given up
        unsigned tries = 8;          ///< of each packet
        int64_t delay = 150'000'000; ///< ns from noticing to giving up; as the reorder buffer has
        int64_t tolerance = 0;       ///< ns before the first request, for reordering networks
        int64_t least_wait = 20'000'000; ///< ns between requests, if round trips are shorter
    };

    MissingPackets() = default;
    explicit MissingPackets(const Limits &limits) : limits_(limits) {}

    /// A packet has arrived, by whatever way.
    void received(uint32_t ssrc, uint16_t sequence, int64_t now);
    /// ns; 100 ms until it is known.
    void set_round_trip(int64_t round_trip);
    /// Limits::delay from now on.
    void set_delay(int64_t delay) { limits_.delay = delay; }
    /// Appends the sequence numbers to be asked for now, ascending modulo 2^16, and counts these
    /// tries. Gives up what is due.
    void take_due(int64_t now, std::vector<uint16_t> &out);
    /// When take_due() has something to do next; empty: never.
    std::optional<int64_t> deadline() const;
    /// Whether packets have been given up since the last call: the decoder needs a keyframe.
    bool take_given_up();

    size_t missing() const { return missing_.size(); }
    uint64_t requests() const { return requests_; }
    uint64_t recovered() const { return recovered_; } ///< arrived after they were asked for
    uint64_t given_up() const { return given_up_count_; }

private:
    struct Missing {
        uint16_t sequence = 0;
        unsigned tries = 0;
        int64_t noticed = 0; ///< ns
        int64_t next = 0;    ///< ns; when to ask
    };
    void restart(uint32_t ssrc, uint16_t sequence);
    bool remove(uint16_t sequence);
    void add_gap(int32_t ahead, int64_t now);
    void give_up(uint64_t count);
    bool is_over(const Missing &missing, int64_t now) const;

    Limits limits_;
    ContinuityCheck check_;
    bool started_ = false;
    uint32_t ssrc_ = 0;
    uint16_t next_ = 0; ///< after the highest that arrived
    int64_t round_trip_ = 100'000'000;
    std::deque<Missing> missing_; ///< ascending
    bool has_given_up_ = false;
    uint64_t requests_ = 0, recovered_ = 0, given_up_count_ = 0;
};

} // namespace penstock::rtp
