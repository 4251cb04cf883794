// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds what was sent under a sequence number, for retransmissions.
#pragma once

#include "core/rtp/sequence.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <optional>
#include <vector>

namespace penstock::rtp {

/// The last packets of an outgoing stream. `Value` is small: a position in a ring, or a pointer.
/// Bounded in packets and time. Times are ns of any steady clock. Not thread-safe.
template <class Value>
class SentHistory {
public:
    /// `packets` is rounded up to a power of two, at most 32,768; `age` in ns.
    explicit SentHistory(size_t packets = 512, int64_t age = 1'000'000'000)
        : age_(age), entries_(std::bit_ceil(std::clamp<size_t>(packets, 1, 32'768))) {}

    /// Replaces what is as many packets before.
    void add(uint16_t sequence, Value value, int64_t now) {
        entries_[sequence & (entries_.size() - 1)] =
            Entry{std::move(value), now, std::nullopt, sequence, true};
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
        if (entry.resent && now < *entry.resent + pause) return nullptr;
        entry.resent = now;
        return &entry.value;
    }
    void clear() { std::fill(entries_.begin(), entries_.end(), Entry()); }

private:
    struct Entry {
        Value value{};
        int64_t sent = 0;
        std::optional<int64_t> resent;
        uint16_t sequence = 0;
        bool used = false;
    };
    bool is_known(const Entry &entry, uint16_t sequence, int64_t now) const {
        return entry.used && entry.sequence == sequence && now <= entry.sent + age_;
    }

    int64_t age_;
    std::vector<Entry> entries_;
};

} // namespace penstock::rtp
