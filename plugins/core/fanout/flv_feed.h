// SPDX-License-Identifier: LGPL-2.1-or-later
// Appends tags to a ring, on one timeline for all viewers, with the headers that joining viewers
// need and the positions where they may join. The format serializes the tags.
#pragma once

#include "core/fanout/ring.h"
#include "core/flv/normalizer.h"
#include "core/rtmp/timeline.h"

#include <array>
#include <atomic>

namespace penstock::fanout {

/// Packets have their flv::feature bits as Packet::needs, and a plain form if there is one. Used by
/// one producer at a time. Not thread-safe but for codec(); the ring is.
class FlvFeed {
public:
    struct Format {
        /// Serializes a tag with this timestamp; ms.
        std::function<std::shared_ptr<Packet>(const flv::Tag &, uint32_t)> make_packet;
        bool file_header = false; ///< viewers first receive an FLV file header
        /// make_packet() says itself what its packets need, and they have no plain form.
        bool own_needs = false;
    };
    FlvFeed(Ring &ring, Format format);

    /// Starts a new producer: viewers rejoin at its first keyframe; the timeline continues.
    void restart(gop::Limits limits);
    /// The producer's timestamps start anew (another publisher); viewers stay joined.
    void discontinuity();
    /// `now_ns`: arrival time on any steady clock. Returns the appended packet, or nullptr if
    /// viewers do not need the tag.
    PacketPtr append(const flv::Tag &tag, uint64_t now_ns);
    /// The codec (flv::fourcc) of the default audio or video track; 0 while it is unknown. Any
    /// thread.
    uint32_t codec(flv::TagType type) const { return codecs_[type == flv::TagType::audio]; }

private:
    /// `header`: that of the tag.
    std::shared_ptr<Packet> packet_of(const flv::Tag &tag,
                                      const std::optional<flv::BodyHeader> &header,
                                      uint32_t timestamp) const;
    bool joinable(const flv::Tag &tag) const;
    void write_headers();

    Ring &ring_;
    const Format format_;
    flv::Normalizer normalizer_; ///< used only to collect the headers
    rtmp::Timeline timeline_;
    std::array<uint32_t, 2> join_times_{}; ///< each track's time at the newest join position; ms
    std::array<std::atomic<uint32_t>, 2> codecs_{}; ///< video, audio
    bool has_video_ = false;
    bool has_audio_ = false;
};

} // namespace penstock::fanout
