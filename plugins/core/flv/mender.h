// SPDX-License-Identifier: LGPL-2.1-or-later
// Corrects a publisher's tags to what the formats require; docs/publishers.md lists the
// corrections.
#pragma once

#include "core/codec/aac.h"
#include "core/codec/nal_config.h"
#include "core/flv/tag.h"

#include <string>
#include <vector>

namespace penstock::flv {

/// Inspects each frame instead of trusting its header: keyframe flags mark frames where a decoder
/// can start, NAL units have length prefixes, AAC frames have no ADTS header, and configuration
/// found only in frames becomes a tag. A correct tag passes without a copy after a check of its NAL
/// units' first bytes. A tag with several tracks becomes one for each, and all get the form that
/// most players know (core/flv/enhanced.h). Frames of tracks other than 0 pass unchanged. For one
/// stream at a time; not thread-safe.
class Mender {
public:
    /// Appends the corrected tags to `out`: usually the tag itself, sometimes preceded by
    /// configuration, sometimes several frames or nothing. Sets the kind of each.
    void take(Tag &&tag, std::vector<Tag> &out);
    /// Resets all state for a new stream.
    void reset() { *this = Mender(); }

    /// Readable notes about corrections and dropped data; each kind once per stream.
    bool has_notes() const { return !notes_.empty(); }
    std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

private:
    struct Video {
        enum class Framing : uint8_t { unknown, lengths, start_codes };

        uint32_t codec = 0;
        Framing framing = Framing::unknown;
        bool configured = false;  ///< `config` holds the latest configuration tag
        bool from_frames = false; ///< it was built from parameter sets in frames
        bool any_frame = false;
        bool any_output = false;     ///< a tag of this codec was put out
        bool flags_lie = false;      ///< an inter frame was marked as a keyframe
        uint32_t last_timestamp = 0; ///< ms; of the last frame
        uint32_t last_entry = 0;     ///< ms; of the last frame where a decoder can start
        codec::NalConfig config;
        std::vector<uint8_t> received; ///< the publisher's last record, unchanged
        /// NAL units without slices, kept for the next frame.
        std::vector<std::vector<uint8_t>> held;
        size_t held_bytes = 0;
    };
    struct Audio {
        bool configured = false;
        codec::AacConfig config;
    };
    /// A kind of correction, as a bit.
    enum Note : uint32_t;

    void take_tracks(Tag &&tag, std::vector<Tag> &out);
    void take_track(Tag &&tag, const std::optional<BodyHeader> &header, std::vector<Tag> &out);
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
    Video before_; ///< the codec put out last, while `video_` is of another without any output
    Audio audio_;
    uint32_t noted_ = 0; ///< bits of Note
    std::vector<std::string> notes_;
};

} // namespace penstock::flv
