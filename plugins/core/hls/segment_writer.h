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
    std::string_view extension;                  ///< file name extension, including the dot
    std::string_view mime_type;                  ///< the segments' Content-Type
    unsigned playlist_version = 3;               ///< the minimum EXT-X-VERSION of its playlists
    std::string_view file_extension = extension; ///< of a file with all segments of a stream
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

/// Timed metadata: an ID3 tag, and when it is shown.
struct Metadata {
    int64_t pts = 0; ///< ns, on the samples' timeline
    Bytes tag;
};

/// One track's part of a segment.
struct TrackSamples {
    FormatPtr format; ///< null: the segment's program lacks this track
    std::vector<Sample> samples;
};

/// The place in time of a segment, or of a part of one; ns.
struct SegmentTimes {
    int64_t offset = 0;   ///< added to all times of samples; negative sums become 0
    int64_t end = 0;      ///< where the next one begins, before the offset is added; 0: unknown
    int64_t date = 0;     ///< since 1970, of the first frame; 0: unknown
    int64_t begin = 0;    ///< the time that `date` belongs to, before the offset is added
    bool is_first = true; ///< false: a later part of the same segment
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
    /// Returns a complete segment, or nothing if none of its samples can be expressed. Samples must
    /// be in decoding order; one that the format can't express is omitted. May fill in missing
    /// decoding timestamps in `video`. CMAF: also a part of a segment, with the same formats as its
    /// other parts, which make the segment when they are put together.
    virtual Bytes write(TrackSamples &video, const TrackSamples &audio,
                        const SegmentTimes &times) = 0;
    /// Goes into the next segment, or part of one, that write() makes.
    virtual void add_metadata(Metadata) {}
    /// The init segment (EXT-X-MAP) that the last written segment needs; empty: none.
    virtual Bytes init() const { return {}; }
};

} // namespace penstock::hls
