// SPDX-License-Identifier: LGPL-2.1-or-later
// Turns any `video/x-flv` byte stream into tags, whatever the producer's buffers look like.
#pragma once

#include "core/bytes/result.h"
#include "core/flv/mender.h"
#include "core/flv/tag.h"

#include <vector>

namespace penstock::flv {

/// The one place that copes with stock elements and odd publishers: flvmux's headers inside the
/// stream, rtmp2src's missing flags, files cut at any byte, and what Mender mends. Splits, looks
/// into the frames, classifies, and learns the codec configuration in-stream: what comes out has
/// the right TagKind, and a keyframe flag in its bytes that says the same. A buffer that is exactly
/// one healthy tag passes without a copy.
class Normalizer {
public:
    /// The headers that a viewer needs to join.
    struct Headers {
        std::optional<Tag> metadata, video_config, audio_config;
        /// Other configuration: of further tracks, of channel layouts. At most 64 tags.
        std::vector<Tag> more;
        /// Grows whenever a header comes that differs from the one before it.
        unsigned version = 0;
        /// The headers that are present, in the order they must be sent.
        std::vector<Tag> list() const;
    };

    /// Feeds bytes that continue the stream and appends the tags that are now whole to `out`.
    /// An error (no FLV, a tag over `max_tag_size`) says what is wrong; reset() before going on.
    Result push(Bytes input, std::vector<Tag> &out);
    /// Takes a tag that arrived whole (from RTMP) and appends what Mender makes of it.
    void take(Tag &&tag, std::vector<Tag> &out);
    /// Only learns the headers, from a tag that came out of a normalizer.
    void learn(const Tag &tag);
    /// Forgets partial input (after a discontinuity or flush); keeps the headers.
    void flush();
    /// Forgets everything.
    void reset();

    const Headers &headers() const { return headers_; }
    /// True if the last push() was exactly one tag, whatever became of it.
    bool was_one_tag() const { return was_one_tag_; }
    /// True if it also passed as it was.
    bool passed_whole() const { return passed_whole_; }
    /// What was mended or left out, for the log of whoever has the stream; each kind once.
    bool has_notes() const { return mender_.has_notes(); }
    std::vector<std::string> take_notes() { return mender_.take_notes(); }
    /// True once anything was FLV; reset() makes it false.
    bool started() const { return started_; }

    size_t max_tag_size = 16 << 20;

private:
    Result split(const Bytes &input, std::vector<Tag> &out);
    Result measure(ByteView unit, size_t &size) const;
    void emit(Bytes unit, std::vector<Tag> &out);
    void learn_config(const Tag &tag);
    void forget_stale_config(const Tag &tag);

    static constexpr uint8_t no_config = 0xFF;
    /// The codecs of video_config and audio_config, kept here because each frame's codec is
    /// compared with them.
    uint8_t video_codec_ = no_config, audio_codec_ = no_config;
    bool started_ = false;
    bool was_one_tag_ = false, passed_whole_ = false;
    std::vector<uint8_t> partial_;
    Mender mender_;
    Headers headers_;
};

} // namespace penstock::flv
