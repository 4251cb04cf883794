// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts tags into a ring: on one timeline for all viewers, with the headers that a viewer needs to
// join and the places where it may. The format serializes them.
#pragma once

#include "core/fanout/ring.h"
#include "core/flv/normalizer.h"
#include "core/rtmp/timeline.h"

#include <array>

namespace penstock::fanout {

/// Has one producer at a time. Not thread-safe; only the ring is.
class FlvFeed {
public:
    struct Format {
        /// Serializes a tag with this timestamp, in milliseconds.
        std::function<std::shared_ptr<Packet>(const flv::Tag &, uint32_t)> make_packet;
        bool file_header = false; ///< viewers get the header of an FLV file first
    };
    FlvFeed(Ring &ring, Format format);

    /// Begins a new producer: all viewers join again at its first keyframe; the timeline goes on.
    void restart(gop::Limits limits);
    /// The producer's own timestamps begin anew (another publisher); viewers stay joined.
    void discontinuity();
    /// `now_ns`: when the tag came, on any steady clock. Returns the packet that was appended, or
    /// nullptr if viewers need nothing of the tag.
    PacketPtr append(const flv::Tag &tag, uint64_t now_ns);

private:
    bool joinable(const flv::Tag &tag) const;
    void write_headers();

    Ring &ring_;
    const Format format_;
    flv::Normalizer normalizer_; ///< only to learn the headers
    rtmp::Timeline timeline_;
    std::array<uint32_t, 2> join_times_{}; ///< each track's time at the newest place to join, ms
    bool has_video_ = false;
    bool has_audio_ = false;
};

} // namespace penstock::fanout
