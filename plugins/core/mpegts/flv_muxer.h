// SPDX-License-Identifier: LGPL-2.1-or-later
// Multiplexes FLV tags into MPEG transport stream packets: H.264, HEVC; AAC, MP3, AC-3,
// Opus.
#pragma once

#include "core/codec/aac.h"
#include "core/codec/nal_config.h"
#include "core/flv/tag.h"
#include "core/mpegts/muxer.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::mpegts {

/// Takes the default tracks of a stream. Its input may be from the network: what can't be put into
/// MPEG-TS is left out. Not thread-safe.
class FlvMuxer {
public:
    /// A tag's part of the stream.
    struct Unit {
        bool joinable = false; ///< a decoder that has the tables can start with it
        bool awaited = false;  ///< viewers wait for it: of video, or of audio without video
    };
    /// Appends the packets of a tag to `out`, with the program tables in front of them where they
    /// are due. `time_ms`: the tag's decoding time on a timeline that does not go back. Returns
    /// nullopt if nothing was appended.
    std::optional<Unit> take(const flv::Tag &tag, int64_t time_ms, std::vector<uint8_t> &out);
    /// Whether the tables have been written, and for what.
    bool has_video() const { return video_.is_known; }
    /// What of the stream MPEG-TS does not carry, for people: "VP9 video"; empty if it carries all,
    /// or if that was asked for before.
    std::string take_complaint();
    /// Appends the tables alone, for viewers that join.
    void write_tables(std::vector<uint8_t> &out) { muxer_.write_tables(out); }
    /// Forgets tracks and configuration; continuity counters go on.
    void reset();

private:
    struct Stream {
        bool is_known = false;
        StreamType type = StreamType::h264;
        std::vector<uint8_t> descriptors{};
        size_t index = 0; ///< among the muxer's tracks
        int64_t last_dts = 0;
    };
    void configure(const flv::BodyHeader &header, ByteView payload, bool is_video);
    bool learn_type(const flv::BodyHeader &header, bool is_video);
    void configure_opus(ByteView head);
    bool gather_opus(ByteView packet);
    bool gather(const flv::BodyHeader &header, ByteView payload, bool is_video);
    bool gather_nals(ByteView frame, bool keyframe);
    void declare();

    Muxer muxer_;
    Stream video_, audio_;
    std::optional<codec::NalConfig> nals_;
    codec::NalCodec nal_codec_ = codec::NalCodec::avc;
    std::optional<codec::AacConfig> aac_;
    std::array<uint8_t, codec::adts_header_size> adts_{};
    unsigned opus_channels_ = 0;       ///< 0: no configuration has come
    bool is_opus_usual_ = true;        ///< the layout of its channels has a number
    std::vector<uint8_t> opus_header_; ///< in front of the packet at hand
    std::vector<ByteView> pieces_;
    bool is_declared_ = false; ///< the muxer knows the tracks
    int64_t next_tables_ = 0;  ///< ms; due then
    bool has_keyframe_ = false;
    std::string complaint_;
    uint32_t complained_[2] = {}; ///< codecs that were complained of: video, audio
};

} // namespace penstock::mpegts
