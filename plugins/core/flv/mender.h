// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes of a publisher's tags what the formats say they are: docs/publishers.md has the list.
#pragma once

#include "core/codec/aac.h"
#include "core/codec/nal_config.h"
#include "core/flv/tag.h"

#include <string>
#include <vector>

namespace penstock::flv {

/// Looks into each frame instead of trusting its header: keyframes are those at which a decoder
/// can begin; NAL units have lengths and AAC frames no ADTS header; configuration that only the
/// frames carry becomes a tag. A healthy tag passes without a copy after a look at the first bytes
/// of its NAL units. Tags with several tracks pass as they are, and so do tracks other than 0.
/// One stream at a time; not thread-safe.
class Mender {
public:
    /// Appends what the tag becomes to `out`: mostly itself, sometimes configuration in front of
    /// it, several frames, or nothing. Sets each tag's kind.
    void take(Tag &&tag, std::vector<Tag> &out);
    /// Forgets the stream.
    void reset() { *this = Mender(); }

    /// What was mended or left out, for a log: each kind once for each stream.
    bool has_notes() const { return !notes_.empty(); }
    std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

private:
    struct Video {
        enum class Framing : uint8_t { unknown, lengths, start_codes };

        uint32_t codec = 0;
        Framing framing = Framing::unknown;
        bool configured = false;  ///< `config` holds what the last configuration tag says
        bool from_frames = false; ///< it was made of parameter sets in frames
        bool any_frame = false;
        bool flags_lie = false;      ///< a frame that needs others was marked as a keyframe
        uint32_t last_timestamp = 0; ///< of the last frame, ms
        uint32_t last_entry = 0;     ///< of the last frame where a decoder can begin, ms
        codec::NalConfig config;
        std::vector<uint8_t> received;          ///< the publisher's last record, as it came
        std::vector<std::vector<uint8_t>> held; ///< units without a slice, for the next frame
        size_t held_bytes = 0;
    };
    struct Audio {
        bool configured = false;
        codec::AacConfig config;
    };
    /// A kind of mending, as a bit.
    enum Note : uint32_t;

    void take_video(Tag &&tag, const BodyHeader &header, std::vector<Tag> &out);
    void take_video_config(Tag &&tag, const BodyHeader &header, codec::NalCodec codec,
                           std::vector<Tag> &out);
    void take_nal_frame(Tag &&tag, const BodyHeader &header, codec::NalCodec codec,
                        std::vector<Tag> &out);
    void rewrite_frame(const Tag &tag, const BodyHeader &header, codec::NalCodec codec,
                       const codec::NalScan &scan, std::vector<Tag> &out);
    bool split_frame(ByteView payload, codec::NalCodec codec, const codec::NalScan &scan,
                     const Tag &tag, std::vector<ByteView> &units, std::vector<Tag> &out);
    void hold(const std::vector<ByteView> &units, codec::NalCodec codec);
    void learn_sets(const Tag &tag, codec::NalCodec codec, const std::vector<ByteView> &units,
                    std::vector<Tag> &out);
    bool emit_config(const Tag &tag, codec::NalCodec codec, std::vector<Tag> &out);
    bool is_entry(const Tag &tag, bool flag, codec::NalCodec codec, ByteView payload,
                  const codec::NalScan &scan);
    void finish_frame(Tag &&tag, bool flag, bool entry, std::vector<Tag> &out);

    void take_audio(Tag &&tag, const BodyHeader &header, std::vector<Tag> &out);
    void take_aac_config(Tag &&tag, const BodyHeader &header, std::vector<Tag> &out);
    void take_adts(const Tag &tag, const BodyHeader &header, std::vector<Tag> &out);
    void emit_aac_config(const Tag &tag, const codec::AacConfig &config, std::vector<Tag> &out);

    void note(Note what, std::string text);

    Video video_;
    Audio audio_;
    uint32_t noted_ = 0; ///< bits of Note
    std::vector<std::string> notes_;
};

} // namespace penstock::flv
