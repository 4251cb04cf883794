// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes samples as an MPEG transport stream segment.
#pragma once

#include "core/hls/segment_writer.h"

namespace penstock::hls {

inline constexpr Container ts_container{".ts", "video/mp2t", 3};

/// Writes segments as MPEG-TS. Continuity counters and decoding order continue between segments.
class TsWriter final : public SegmentWriter {
public:
    const Container &container() const override { return ts_container; }
    Bytes write(TrackSamples &video, const TrackSamples &audio, int64_t offset) override;

private:
    void complete_dts(std::vector<Sample> &samples);
    uint64_t next_dts(Kind kind, int64_t dts);
    size_t write_audio(size_t track, const TrackSamples &audio, size_t first, int64_t offset,
                       std::vector<uint8_t> &out);

    mpegts::Muxer muxer_;
    Gather gather_;
    int64_t reorder_delay_ = 0;
    std::array<std::optional<uint64_t>, 2> last_dts_;
};

} // namespace penstock::hls
