// SPDX-License-Identifier: LGPL-2.1-or-later
// One stream, serialized once, read by thousands: the GOP-aligned history of packets that the
// cursors of all viewers point into.
#pragma once

#include "core/fanout/packet.h"
#include "core/fanout/policy.h"
#include "core/gop/history.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace penstock::fanout {

/// Where a viewer stands. Belongs to the viewer; only Ring changes it.
struct Cursor {
    std::optional<uint64_t> next; ///< none: has not joined yet
    uint64_t epoch = 0;
    uint64_t join_from = 0; ///< the first packet at which it may join
    uint64_t skipped = 0;   ///< times it fell out of the ring and went on at a newer keyframe
};

/// Packets in a row, ready to be sent, with what each viewer at the same place needs of them.
struct Batch {
    std::vector<PacketPtr> packets;
    uint64_t epoch = 0, begin = 0, end = 0; ///< sequence numbers; empty if begin == end
};

/// Thread-safe. The producer appends, any loop reads.
class Ring {
public:
    /// A new producer: whoever watches joins again with its first keyframe.
    void restart(gop::Limits limits);
    /// `now_ns`: any steady clock. `joinable`: a decoder can begin here, given the headers.
    void append(PacketPtr packet, uint64_t now_ns, bool joinable);
    /// What one who joins gets first.
    void set_headers(std::vector<PacketPtr> headers);
    /// Nobody may begin with what is there, but for a joinable packet to come.
    void forget_joins();
    /// Makes a short form of a GOP for Join::fast_forward. Called under the ring's lock; one that
    /// returns nothing leaves it with Join::burst.
    using Fold = std::function<std::vector<PacketPtr>(const std::vector<PacketPtr> &gop)>;
    void set_fold(Fold fold);

    enum class Place {
        waiting, ///< has not joined, and cannot yet
        current, ///< has all there is
        behind,  ///< there is more for it in the ring
        lagging, ///< fell out of the ring, and Slow says that it shall go
    };
    /// Makes the cursor point into the ring, if it does not: what it needs first is appended to
    /// `first`. Does not lock for one that is up to date.
    /// `epoch`: it may watch that producer only, and waits while there is another; 0: any.
    Place settle(Cursor &cursor, Join join, Slow slow, std::vector<PacketPtr> &first,
                 uint64_t epoch = 0);
    /// What comes behind a cursor that is `behind`: at most `max_packets` and, but for the first,
    /// `max_bytes`. Replaces what is in `batch`. False if it has fallen out meanwhile.
    bool read(const Cursor &cursor, size_t max_packets, size_t max_bytes, Batch &batch) const;

    /// Which producer it is: another number after each restart().
    uint64_t epoch() const { return epoch_.load(); }
    /// Packets that were appended, ever.
    uint64_t packets() const { return end_.load(std::memory_order_relaxed); }
    /// How many of them were awaited.
    uint64_t awaited() const { return awaited_.load(std::memory_order_relaxed); }

private:
    void begin_at(Cursor &cursor, uint64_t at, std::vector<PacketPtr> &first) const;
    void join(Cursor &cursor, Join join, std::vector<PacketPtr> &first);
    const std::vector<PacketPtr> &folded(uint64_t from);

    mutable std::mutex mutex_;
    gop::History<PacketPtr> history_;
    std::vector<PacketPtr> headers_;
    Fold fold_;
    std::vector<PacketPtr> folded_; ///< of the newest GOP up to folded_end_
    uint64_t folded_end_ = 0;
    /// Of history_, for those who only want to know whether there is anything for them.
    std::atomic<uint64_t> end_{0}, awaited_{0}, epoch_{1};
};

} // namespace penstock::fanout
