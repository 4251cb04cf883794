// SPDX-License-Identifier: LGPL-2.1-or-later
// The interface through which a Segmenter writes segments, and the properties of a container format
// that playlists and servers need.
#pragma once

#include "core/hls/format.h"

#include <optional>
#include <string_view>

namespace penstock::hls {

/// Properties of the container format of a stream's segments; constant for the stream's life.
struct Container {
    std::string_view extension;    ///< file name extension, including the dot
    std::string_view mime_type;    ///< the segments' Content-Type
    unsigned playlist_version = 3; ///< the minimum EXT-X-VERSION of its playlists
};

/// One video or audio frame. Times are nanoseconds on a timeline of the producer's choice.
struct Sample {
    int64_t pts = 0;
    std::optional<int64_t> dts; ///< absent: derived from the order of the pts
    int64_t duration = 0;       ///< nanoseconds; 0 if unknown
    bool keyframe = false;      ///< a decoder can start here; ignored for audio
    Bytes data;
    /// Samples are missing before this one. Demuxers and parsers set it too often, so it only
    /// counts where the timestamps jump or, for video, at a keyframe.
    bool discontinuity = false;
};

/// One track's part of a segment.
struct TrackSamples {
    FormatPtr format; ///< null: the segment's program lacks this track
    std::vector<Sample> samples;
};

/// Builds segments from samples. It holds state that continues between segments, so each stream
/// needs its own writer. Not thread-safe.
class SegmentWriter {
public:
    /// Start of a stream's timeline in ns: large enough that earlier decoding timestamps and clock
    /// references are not negative.
    static constexpr int64_t origin = 10'000'000'000;

    virtual ~SegmentWriter() = default;
    virtual const Container &container() const = 0;
    /// Returns a complete segment. `offset` (ns) is added to all times; negative sums become 0.
    /// Samples must be in decoding order; a sample that the format can't express is omitted. May
    /// fill in missing decoding timestamps in `video`.
    virtual Bytes write(TrackSamples &video, const TrackSamples &audio, int64_t offset) = 0;
};

} // namespace penstock::hls
