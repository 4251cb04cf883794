// SPDX-License-Identifier: LGPL-2.1-or-later
// One stream, serialized once, read by thousands: the GOP-aligned history of packets that the
// cursors of all viewers point into.
#pragma once

#include "core/flv/normalizer.h"
#include "core/gop/history.h"
#include "core/rtmp/packet.h"
#include "core/rtmp/timeline.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace penstock::fanout {

using PacketPtr = std::shared_ptr<const rtmp::Packet>;

/// Where a viewer stands. Belongs to the viewer; only Ring changes it.
struct Cursor {
    std::optional<uint64_t> next; ///< none: has not joined yet
    uint64_t epoch = 0;
    uint64_t skipped = 0; ///< times it fell out of the ring and went on at a newer keyframe
};

/// Thread-safe. The producer appends, any loop reads.
class Ring {
public:
    explicit Ring(uint32_t chunk_size);

    /// A new producer: whoever watches joins again with its first keyframe, and its
    /// timeline goes on.
    void restart(gop::Limits limits);
    /// The producer's own timeline begins anew (another publisher): whoever watches watches on.
    void discontinuity();
    /// `now_ms`: any steady clock.
    void append(const flv::Tag &tag, uint64_t now_ms);

    /// Appends at most `max` packets that the cursor has not seen to `out`: for one that joins the
    /// headers first, then the cached GOP. Returns whether there is more.
    bool read(Cursor &cursor, size_t max, std::vector<PacketPtr> &out);

    uint64_t packets() const;

private:
    bool joinable(const flv::Tag &tag) const;
    void write_headers();
    void join(Cursor &cursor, uint64_t at, std::vector<PacketPtr> &out) const;

    mutable std::mutex mutex_;
    const uint32_t chunk_size_;
    gop::History<PacketPtr> history_;
    flv::Normalizer normalizer_; ///< only to learn the headers
    std::vector<PacketPtr> headers_;
    rtmp::Timeline timeline_;
    std::array<uint32_t, 2> join_times_{}; ///< of each track, at the newest place to join
    uint64_t epoch_ = 1;
    bool has_video_ = false;
};

} // namespace penstock::fanout
