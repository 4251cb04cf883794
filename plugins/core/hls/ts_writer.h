// SPDX-License-Identifier: LGPL-2.1-or-later
// Samples in, one transport stream segment out.
#pragma once

#include "core/hls/format.h"

#include <deque>
#include <optional>

namespace penstock::hls {

/// One picture or one audio frame. Times are nanoseconds on a timeline of the producer's choice.
struct Sample {
    int64_t pts = 0;
    std::optional<int64_t> dts; ///< absent: worked out from the order of the pts
    int64_t duration = 0;       ///< 0 if unknown
    bool keyframe = false;      ///< a decoder can begin here; of no meaning for audio
    Bytes data;
    /// Something is missing before it. Demuxers and parsers say so too often, therefore it counts
    /// only where the times jump or, for video, a keyframe allows a new beginning.
    bool discontinuity = false;
};

/// Turns each segment's samples into packets. What must go on from segment to segment
/// (continuity counters, decoding order) lives here.
class TsWriter {
public:
    /// Where the first segment's timeline begins: far enough from 0 that neither decoding
    /// timestamps nor clock references before it are negative.
    static constexpr int64_t origin = 10'000'000'000;

    struct Input {
        FormatPtr format; ///< null: the track is not in this segment's program
        std::vector<Sample> samples;
    };
    /// Adds `offset` to all times; the sums are not negative. Samples in decoding order.
    Bytes write(Input &video, const Input &audio, int64_t offset);

private:
    void complete_dts(std::vector<Sample> &samples);
    uint64_t next_dts(Kind kind, int64_t dts);
    size_t write_audio(size_t track, const Input &audio, size_t first, int64_t offset,
                       std::vector<uint8_t> &out);

    mpegts::Muxer muxer_;
    Gather gather_;
    int64_t reorder_delay_ = 0;
    std::array<std::optional<uint64_t>, 2> last_dts_;
};

} // namespace penstock::hls
