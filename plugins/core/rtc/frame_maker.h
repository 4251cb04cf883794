// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes RTP frames of FLV tags, and knows what a stream's SDP has to say of its codecs.
#pragma once

#include "core/flv/tag.h"
#include "core/rtc/rtp_frame.h"
#include "core/rtc/stream_rates.h"
#include "core/rtp/payload/payload.h"
#include "core/sdp/h264_profile.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtc {

/// What is known of a stream's default tracks.
struct StreamFacts {
    uint32_t video = 0, audio = 0;              ///< flv::fourcc; 0: no such track so far
    std::optional<sdp::ProfileLevelId> profile; ///< of H.264
    unsigned channels = 2;                      ///< of audio
    uint32_t audio_clock = 48'000;              ///< Hz
    bool has_configuration = false;             ///< of the video, where its codec has one
    /// Frames are decoded in another order than they are shown, which browsers can't.
    bool has_b_frames = false;
    bool operator==(const StreamFacts &) const = default;

    /// Whether the video can be sent, as far as it is known.
    bool is_video_ready() const;
    bool can_send_video() const;
    bool can_send_audio() const;
};

/// Used by one producer at a time. Not thread-safe.
class FrameMaker {
public:
    /// Forgets the stream; numbers go on.
    void restart();
    /// Makes a frame of a tag whose time on the viewers' timeline is `time_ms`, without ModEx.
    /// Configuration, metadata, further tracks of audio, those of video that are no lower rungs of
    /// the default one (another codec, B-frames), and what RTP has no form for give an empty one.
    std::shared_ptr<RtpFrame> make(const flv::Tag &tag, uint32_t time_ms);
    const StreamFacts &facts() const { return facts_; }
    /// Why the last frame that should have been sent was not; empty: they all were.
    const std::string &complaint() const { return complaint_; }

private:
    /// A video track.
    struct Rung {
        std::unique_ptr<rtp::payload::Packetizer> packetizer;
        Bytes config;
        std::optional<int32_t> composition;
        bool has_b_frames = false;
        uint64_t number = 0;
    };
    void take_config(const flv::Tag &tag, const flv::BodyHeader &header, ByteView payload);
    void set_codec(bool video, uint32_t codec);
    static void forget(Rung &rung);
    static void watch_order(Rung &rung, int32_t composition_time);
    bool can_send(uint8_t track) const;
    uint32_t audio_timestamp(ByteView payload, uint32_t time_ms);

    StreamFacts facts_;
    std::array<Rung, max_rungs> rungs_; ///< by the number of the track
    std::unique_ptr<rtp::payload::Packetizer> audio_;
    std::optional<uint32_t> audio_next_; ///< timestamp behind the last frame
    uint64_t audio_number_ = 0;
    std::string complaint_;
};

/// A cached GOP folded into the last milliseconds before the live edge: a player decodes it at once
/// and is at the edge. Without audio; empty if it has too many frames.
std::vector<fanout::PacketPtr> fold(const std::vector<fanout::PacketPtr> &gop);

} // namespace penstock::rtc
