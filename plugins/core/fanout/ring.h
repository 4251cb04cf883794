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
    std::optional<uint64_t> next; ///< sequence number of the next packet; none before it joined
    uint64_t epoch = 0;
    uint64_t join_from = 0; ///< the first packet at which it may join
    uint64_t skipped = 0;   ///< times the viewer fell behind and was moved to a newer keyframe
};

/// Consecutive packets, ready to be sent to every viewer at the same place.
struct Batch {
    std::vector<PacketPtr> packets;
    uint64_t epoch = 0, begin = 0, end = 0; ///< sequence numbers; empty if begin == end
};

/// Thread-safe. The producer appends, any loop reads.
class Ring {
public:
    /// Begins the stream of a new producer: all viewers join again at its first keyframe.
    void restart(gop::Limits limits);
    /// `now_ns`: any steady clock. `joinable`: a decoder can begin here, given the headers.
    void append(PacketPtr packet, uint64_t now_ns, bool joinable);
    /// Sets what a viewer that joins gets first.
    void set_headers(std::vector<PacketPtr> headers);
    /// Viewers cannot join at any packet so far, only at the next joinable one.
    void forget_joins();
    /// Sets the function that makes the short form of a GOP for Join::fast_forward. It is called
    /// under the ring's lock; if it returns nothing the viewer gets Join::burst.
    using Fold = std::function<std::vector<PacketPtr>(const std::vector<PacketPtr> &gop)>;
    void set_fold(Fold fold);

    enum class Place {
        waiting, ///< the viewer has not joined: there is no packet to join at
        current, ///< the viewer has every packet
        behind,  ///< the ring has more packets for the viewer
        lagging, ///< the viewer fell out of the ring, and Slow::close applies
    };
    /// Makes the cursor point into the ring, if it does not; the packets that its viewer needs
    /// first are appended to `first`. Takes no lock for a cursor that is up to date. `epoch`: the
    /// only producer that the viewer may watch, it waits while there is another; 0: any.
    Place settle(Cursor &cursor, Join join, Slow slow, std::vector<PacketPtr> &first,
                 uint64_t epoch = 0);
    /// Reads the packets behind a cursor that is `behind` into `batch`: at most `max_packets`, and
    /// at most `max_bytes` unless the first packet alone is larger. False if the cursor has fallen
    /// out of the ring meanwhile.
    bool read(const Cursor &cursor, size_t max_packets, size_t max_bytes, Batch &batch) const;

    /// The producer's number; another one after each restart().
    uint64_t epoch() const { return epoch_.load(); }
    /// Number of packets that were ever appended.
    uint64_t packets() const { return end_.load(std::memory_order_relaxed); }
    /// Number of those packets with Packet::awaited.
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
    /// The end of history_, for viewers that only ask whether there is a new packet.
    std::atomic<uint64_t> end_{0}, awaited_{0}, epoch_{1};
};

} // namespace penstock::fanout
