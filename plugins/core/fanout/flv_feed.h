// SPDX-License-Identifier: LGPL-2.1-or-later
// Tags into a ring: one timeline for all viewers, the headers that one who joins needs, and where
// it may join. What goes on the wire is the format's business.
#pragma once

#include "core/fanout/ring.h"
#include "core/flv/normalizer.h"
#include "core/rtmp/timeline.h"

#include <array>

namespace penstock::fanout {

/// One producer at a time: not thread-safe, but for what happens in the ring.
class FlvFeed {
public:
    struct Format {
        /// Serializes a tag with this timestamp (milliseconds).
        std::function<std::shared_ptr<Packet>(const flv::Tag &, uint32_t)> make_packet;
        bool file_header = false; ///< the stream begins with that of an FLV file
    };
    FlvFeed(Ring &ring, Format format);

    /// A new producer: whoever watches joins again with its first keyframe, and its
    /// timeline goes on.
    void restart(gop::Limits limits);
    /// The producer's own timeline begins anew (another publisher): whoever watches watches on.
    void discontinuity();
    /// `now_ns`: any steady clock. Returns what was appended: nullptr if the tag tells viewers
    /// nothing.
    PacketPtr append(const flv::Tag &tag, uint64_t now_ns);

private:
    bool joinable(const flv::Tag &tag) const;
    void write_headers();

    Ring &ring_;
    const Format format_;
    flv::Normalizer normalizer_; ///< only to learn the headers
    rtmp::Timeline timeline_;
    std::array<uint32_t, 2> join_times_{}; ///< of each track, at the newest place to join
    bool has_video_ = false;
    bool has_audio_ = false;
};

} // namespace penstock::fanout
