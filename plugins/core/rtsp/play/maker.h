// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes the packets of a stream for RTSP from FLV tags, and knows what its description says.
#pragma once

#include "core/flv/tag.h"
#include "core/rtp/payload/payload.h"
#include "core/rtsp/play/packet.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtsp {

/// What is known of a track.
struct PlayTrack {
    uint8_t index = 0; ///< its number in URLs, which its channels follow
    bool is_video = false;
    uint8_t flv_track = 0;   ///< its number among FLV's tracks of its kind
    uint32_t codec = 0;      ///< flv::fourcc; 0: it has not come yet
    uint32_t clock = 90'000; ///< Hz
    unsigned channels = 1;   ///< of audio
    Bytes config;            ///< the codec's configuration record; empty: none came, or needed
    uint32_t ssrc = 0;
    uint8_t payload_type = 0;

    /// Whether RTP carries its codec, and what the description needs is known.
    bool is_ready() const;
};

/// Used by one producer at a time. Not thread-safe.
class PlayMaker {
public:
    /// `ssrc`: random; that of track 0, from which the others are counted. `sequence`: of its first
    /// packets.
    PlayMaker(uint32_t ssrc, uint16_t sequence);
    PlayMaker(const PlayMaker &) = delete;
    PlayMaker &operator=(const PlayMaker &) = delete;

    /// Forgets the stream. Its tracks keep their numbers, which viewers that stay know.
    void restart();
    /// Makes a packet of a tag whose time on the viewers' timeline is `time_ms`. Configuration,
    /// metadata, and what RTP has no form for give an empty one.
    std::shared_ptr<PlayPacket> make(const flv::Tag &tag, uint32_t time_ms);
    /// Those that came since restart(), in the order of their numbers.
    std::vector<PlayTrack> tracks() const;
    /// Counts what tracks() tells: it has changed if this has.
    unsigned version() const { return version_; }
    /// Why the last frame that should have been sent was not; empty: they all were.
    const std::string &complaint() const { return complaint_; }

private:
    struct Track {
        PlayTrack facts;
        std::unique_ptr<rtp::payload::Packetizer> packetizer;
        uint16_t sequence = 0;
        uint32_t frame_ticks = 0;     ///< of audio; 0: its frames tell
        std::optional<uint32_t> next; ///< timestamp behind the last frame of audio
    };
    Track *track_for(bool is_video, uint8_t flv_track);
    void set_codec(Track &track, const flv::BodyHeader &header, const flv::Tag &tag);
    void take_config(Track &track, ByteView record);
    uint32_t audio_timestamp(Track &track, ByteView frame, uint32_t time_ms) const;
    void assemble(Track &track, PlayPacket &packet);

    std::array<Track, max_tracks> tracks_;
    size_t count_ = 0;
    unsigned version_ = 0;
    rtp::payload::Payloads payloads_; ///< of the frame at hand
    std::string complaint_;
};

/// A cached GOP folded into the last milliseconds before the live edge: a player decodes it at once
/// and is at the edge. Without audio and further tracks; empty if it has too many frames.
std::vector<fanout::PacketPtr> fold(const std::vector<fanout::PacketPtr> &gop);

} // namespace penstock::rtsp
