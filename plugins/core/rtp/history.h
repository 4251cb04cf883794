// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds what was sent under a sequence number, for retransmissions.
#pragma once

#include "core/rtp/sequence.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

namespace penstock::rtp {

/// The last packets of an outgoing stream. `Value` is small: a position in a ring, or a pointer; a
/// packet costs 12 to 16 bytes more than that. Bounded in packets and time. Times are ns of any
/// steady clock, and are compared in whole milliseconds. Not thread-safe.
template <class Value>
class SentHistory {
public:
    /// `packets` is rounded up to a power of two, at most 32,768; `age` in ns, at most a month.
    explicit SentHistory(size_t packets = 512, int64_t age = 1'000'000'000)
        : age_(milliseconds(age)), entries_(std::bit_ceil(std::clamp<size_t>(packets, 1, 32'768))) {
    }

    /// Replaces what is as many packets before.
    void add(uint16_t sequence, Value value, int64_t now) {
        entries_[sequence & (entries_.size() - 1)] =
            Entry{std::move(value), milliseconds(now), 0, sequence, true, false};
    }
    /// What was sent as `sequence` within the last `age`; null if that is not known any more.
    const Value *find(uint16_t sequence, int64_t now) const {
        const Entry &entry = entries_[sequence & (entries_.size() - 1)];
        return is_known(entry, sequence, now) ? &entry.value : nullptr;
    }
    /// The same for a retransmission, which is refused within `pause` ns (a round trip) of the last
    /// one of this packet: requests overtake each other. The pointer is valid until add().
    const Value *resend(uint16_t sequence, int64_t now, int64_t pause) {
        Entry &entry = entries_[sequence & (entries_.size() - 1)];
        if (!is_known(entry, sequence, now)) return nullptr;
        const uint32_t time = milliseconds(now);
        if (entry.was_resent && time - entry.resent < milliseconds(pause)) return nullptr;
        entry.was_resent = true;
        entry.resent = time;
        return &entry.value;
    }
    void clear() { std::fill(entries_.begin(), entries_.end(), Entry()); }

private:
    struct Entry {
        Value value{};
        uint32_t sent = 0, resent = 0; ///< ms modulo 2^32, to save memory
        uint16_t sequence = 0;
        bool used = false, was_resent = false;
    };
    static uint32_t milliseconds(int64_t time) { return static_cast<uint32_t>(time / 1'000'000); }
    bool is_known(const Entry &entry, uint16_t sequence, int64_t now) const {
        return entry.used && entry.sequence == sequence && milliseconds(now) - entry.sent <= age_;
    }

    uint32_t age_; ///< ms
    std::vector<Entry> entries_;
};

} // namespace penstock::rtp
