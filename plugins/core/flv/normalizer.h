// SPDX-License-Identifier: LGPL-2.1-or-later
// Splits a `video/x-flv` byte stream with any buffer boundaries into tags.
#pragma once

#include "core/bytes/result.h"
#include "core/flv/mender.h"
#include "core/flv/tag.h"

#include <vector>

namespace penstock::flv {

/// Handles the quirks of stock elements and publishers in one place: flvmux's headers within the
/// stream, rtmp2src's missing flags, files cut anywhere, and everything that Mender corrects.
/// Splits and classifies tags, inspects frames, and collects the in-stream codec configuration.
/// Resulting tags have the right TagKind and matching keyframe flags. A buffer that is exactly one
/// correct tag passes without a copy.
class Normalizer {
public:
    /// The headers that a viewer needs to join.
    struct Headers {
        std::optional<Tag> metadata, video_config, audio_config;
        /// Other configuration: further tracks, channel layouts. At most 64 tags.
        std::vector<Tag> more;
        /// Incremented whenever a header differs from its predecessor.
        unsigned version = 0;
        /// The present headers in sending order.
        std::vector<Tag> list() const;
    };

    /// Continues the byte stream and appends complete tags to `out`. On an error (not FLV, a tag
    /// over `max_tag_size`) call reset() before the next push().
    Result push(Bytes input, std::vector<Tag> &out);
    /// Passes a complete tag (from RTMP) through Mender and appends the results to `out`.
    void take(Tag &&tag, std::vector<Tag> &out);
    /// Only collects headers, from a tag that is already normalized.
    void learn(const Tag &tag);
    /// Discards partial input (after a discontinuity or flush); keeps the headers.
    void flush();
    /// Resets all state.
    void reset();

    const Headers &headers() const { return headers_; }
    /// True if the last push() was exactly one tag.
    bool was_one_tag() const { return was_one_tag_; }
    /// True if that tag also passed unchanged.
    bool passed_whole() const { return passed_whole_; }
    /// Notes about corrections, to be logged by the stream's owner; each kind once.
    bool has_notes() const { return mender_.has_notes(); }
    std::vector<std::string> take_notes() { return mender_.take_notes(); }
    /// True once any input was FLV; cleared by reset().
    bool started() const { return started_; }

    size_t max_tag_size = 16 << 20;

private:
    Result split(const Bytes &input, std::vector<Tag> &out);
    Result measure(ByteView unit, size_t &size) const;
    void emit(Bytes unit, std::vector<Tag> &out);
    void learn_config(const Tag &tag);
    void forget_stale_config(const Tag &tag);

    static constexpr uint8_t no_config = 0xFF;
    /// Codecs of video_config and audio_config, for comparison with each frame's codec.
    uint8_t video_codec_ = no_config, audio_codec_ = no_config;
    bool started_ = false;
    bool was_one_tag_ = false, passed_whole_ = false;
    std::vector<uint8_t> partial_;
    Mender mender_;
    Headers headers_;
};

} // namespace penstock::flv
