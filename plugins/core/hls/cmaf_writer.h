// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes samples as a CMAF (fragmented MP4) segment.
#pragma once

#include "core/cmaf/fragment.h"
#include "core/hls/decode_times.h"
#include "core/hls/segment_writer.h"

namespace penstock::hls {

inline constexpr Container cmaf_container{".m4s", "video/mp4", 6, ".mp4"};

/// Writes each segment, or each part of one, as one fragment. Times continue between them: each
/// track's begins where the last one ended, unless media is missing; audio goes on by its samples,
/// whatever the rounding of its timestamps. Needs formats with a track (cmaf_format.h).
class CmafWriter final : public SegmentWriter {
public:
    const Container &container() const override { return cmaf_container; }
    Bytes write(TrackSamples &video, const TrackSamples &audio, const SegmentTimes &times) override;
    /// As event messages (AOM, "Carriage of ID3 Timed Metadata in CMAF").
    void add_metadata(Metadata metadata) override { metadata_.push_back(std::move(metadata)); }
    Bytes init() const override { return init_; }

private:
    void use_formats(const FormatPtr &video, const FormatPtr &audio);
    cmaf::TrackFragment write_video(TrackSamples &video, const SegmentTimes &times);
    cmaf::TrackFragment write_audio(const TrackSamples &audio, int64_t offset);

    std::vector<cmaf::Track> tracks_;
    Bytes init_;
    uint32_t sequence_ = 0, event_id_ = 0;
    std::vector<Metadata> metadata_;
    DecodeTimes decode_times_;
    std::optional<int64_t> shift_;       ///< ns added to decoding times
    std::optional<uint64_t> next_video_; ///< where the last segment's video ended; 1/90000 s
    std::optional<int64_t> next_audio_;  ///< the same for audio; samples
};

} // namespace penstock::hls
