// SPDX-License-Identifier: LGPL-2.1-or-later
// The interface that a Segmenter writes a segment's samples through, and what a container format
// asks of playlists and servers.
#pragma once

#include "core/hls/format.h"

#include <optional>
#include <string_view>

namespace penstock::hls {

/// What depends on the container of a stream's segments. Constant for the life of a stream.
struct Container {
    std::string_view extension;    ///< of a segment's name, the dot included
    std::string_view mime_type;    ///< the Content-Type of a segment
    unsigned playlist_version = 3; ///< the EXT-X-VERSION that its playlists need at least
};

/// One video or audio frame. Times are nanoseconds on a timeline of the producer's choice.
struct Sample {
    int64_t pts = 0;
    std::optional<int64_t> dts; ///< absent: worked out from the order of the pts
    int64_t duration = 0;       ///< nanoseconds; 0 if unknown
    bool keyframe = false;      ///< a decoder can begin here; of no meaning for audio
    Bytes data;
    /// Something is missing before it. Demuxers and parsers say so too often, therefore it counts
    /// only where the times jump or, for video, a keyframe allows a new beginning.
    bool discontinuity = false;
};

/// One track's part of a segment.
struct TrackSamples {
    FormatPtr format; ///< null: the track is not in this segment's program
    std::vector<Sample> samples;
};

/// Makes each segment's bytes of its samples. State that continues from segment to segment lives
/// in it, so a stream has one writer. Not thread-safe.
class SegmentWriter {
public:
    /// Where a stream's own timeline begins, in nanoseconds: far enough from 0 that neither
    /// decoding timestamps nor clock references before it are negative.
    static constexpr int64_t origin = 10'000'000'000;

    virtual ~SegmentWriter() = default;
    virtual const Container &container() const = 0;
    /// Returns a whole segment. `offset` (nanoseconds) is added to all times; negative sums become
    /// 0. Samples come in decoding order; a sample that the format cannot express is left out.
    /// May complete missing decoding timestamps in `video`.
    virtual Bytes write(TrackSamples &video, const TrackSamples &audio, int64_t offset) = 0;
};

} // namespace penstock::hls
