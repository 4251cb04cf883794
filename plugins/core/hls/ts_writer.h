// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes samples as an MPEG transport stream segment.
#pragma once

#include "core/hls/decode_times.h"
#include "core/hls/segment_writer.h"

namespace penstock::hls {

inline constexpr Container ts_container{".ts", "video/mp2t", 3};

/// Writes segments as MPEG-TS. Continuity counters and decoding order continue between segments.
class TsWriter final : public SegmentWriter {
public:
    const Container &container() const override { return ts_container; }
    Bytes write(TrackSamples &video, const TrackSamples &audio, const SegmentTimes &times) override;
    /// The stream of metadata is in the program from the first one on.
    void add_metadata(Metadata metadata) override;

private:
    uint64_t next_dts(Kind kind, int64_t dts);
    void write_metadata(int64_t before, int64_t offset, std::vector<uint8_t> &out);
    size_t write_audio(size_t track, const TrackSamples &audio, size_t first, int64_t offset,
                       std::vector<uint8_t> &out);

    mpegts::Muxer muxer_;
    Gather gather_;
    DecodeTimes decode_times_;
    std::array<std::optional<uint64_t>, 2> last_dts_;
    std::deque<Metadata> metadata_;
    bool has_metadata_ = false;
};

} // namespace penstock::hls
