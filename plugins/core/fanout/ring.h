// SPDX-License-Identifier: LGPL-2.1-or-later
// A stream that is serialized once and read by all viewers: a GOP-aligned history of packets, into
// which each viewer has a cursor.
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

/// A viewer's position. Owned by the viewer; modified only by Ring.
struct Cursor {
    std::optional<uint64_t> next; ///< sequence number of the next packet; nullopt before it joined
    uint64_t epoch = 0;
    uint64_t join_from = 0; ///< the first packet where it may join
    uint64_t skipped = 0;   ///< how often the viewer fell behind and was moved to a newer keyframe
};

/// Consecutive packets to be sent to every viewer at the same position.
struct Batch {
    std::vector<PacketPtr> packets;
    uint64_t epoch = 0, begin = 0, end = 0; ///< sequence numbers; empty if begin == end
};

/// Thread-safe. The producer appends; loops read.
class Ring {
public:
    /// Starts the stream of a new producer: all viewers rejoin at its first keyframe.
    void restart(gop::Limits limits);
    /// `now_ns`: any steady clock. `joinable`: a decoder with the headers can start here.
    void append(PacketPtr packet, uint64_t now_ns, bool joinable);
    /// Sets the packets that a viewer receives when it joins.
    void set_headers(std::vector<PacketPtr> headers);
    /// Prevents joining at earlier packets: viewers join at the next joinable one.
    void forget_joins();
    /// Sets the function that folds a GOP for Join::fast_forward. It is called under the ring's
    /// lock. If it returns an empty list, Join::burst applies.
    using Fold = std::function<std::vector<PacketPtr>(const std::vector<PacketPtr> &gop)>;
    void set_fold(Fold fold);

    enum class Place {
        waiting, ///< the viewer has not joined: there is no packet to join at
        current, ///< the viewer has every packet
        behind,  ///< the ring has more packets for the viewer
        lagging, ///< the viewer fell out of the ring, and Slow::close applies
    };
    /// Moves the cursor to a valid position; appends packets that the viewer must get first to
    /// `first`. Takes no lock for an up-to-date cursor. `epoch`: the only producer that the viewer
    /// may watch (it waits while there is another); 0: any.
    Place settle(Cursor &cursor, Join join, Slow slow, std::vector<PacketPtr> &first,
                 uint64_t epoch = 0);
    /// Reads the packets after a cursor that is `behind` into `batch`: up to `max_packets`, and up
    /// to `max_bytes` unless the first packet alone is larger. Returns false if the cursor has
    /// fallen out of the ring in the meantime.
    bool read(const Cursor &cursor, size_t max_packets, size_t max_bytes, Batch &batch) const;

    /// Identifies the producer; changes with each restart().
    uint64_t epoch() const { return epoch_.load(); }
    /// Number of packets ever appended.
    uint64_t packets() const { return end_.load(std::memory_order_relaxed); }
    /// Number of appended packets with Packet::awaited.
    uint64_t awaited() const { return awaited_.load(std::memory_order_relaxed); }

private:
    void begin_at(Cursor &cursor, uint64_t at, std::vector<PacketPtr> &first) const;
    void join(Cursor &cursor, Join join, std::vector<PacketPtr> &first);
    const std::vector<PacketPtr> &folded(uint64_t from);

    mutable std::mutex mutex_;
    gop::History<PacketPtr> history_;
    std::vector<PacketPtr> headers_;
    Fold fold_;
    std::vector<PacketPtr> folded_; ///< folded form of the newest GOP up to folded_end_
    uint64_t folded_end_ = 0;
    /// End of history_, readable without the lock by viewers that poll for new packets.
    std::atomic<uint64_t> end_{0}, awaited_{0}, epoch_{1};
};

} // namespace penstock::fanout
