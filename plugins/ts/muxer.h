// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of tslivemux: elementary streams in, MPEG-TS in datagram-sized buffers out.
#pragma once

#include "core/hls/format.h"
#include "core/mpegts/muxer.h"
#include "gst/live_muxer.h"

namespace penstock::ts {

class Muxer final : public LiveMuxer {
public:
    using LiveMuxer::LiveMuxer;

private:
    struct TsTrack : Track {
        hls::FormatPtr format;
        unsigned opus_channels = 0; ///< 0: `format` says what it is
        size_t index = 0;           ///< in the program
        uint64_t last_dts = 0;
        bool keyframe_seen = false;
    };
    static TsTrack &ts(Track &track) { return static_cast<TsTrack &>(track); }

    TrackPtr make_track() const override { return std::make_shared<TsTrack>(); }
    void set_caps(Track &track, const GstCaps *caps) override;
    GstFlowReturn push(Track &track, const Item &item) override;
    GstFlowReturn finish() override;
    void reset_output() override;
    void reset_track(Track &track, bool with_caps) override;

    bool gather(TsTrack &track, ByteView sample, bool keyframe);
    void begin(int64_t dts);
    void write_program();
    GstFlowReturn send(GstClockTime time, bool keyframe, bool to_the_end);

    // Used by the source pad's thread only.
    mpegts::Muxer muxer_;
    hls::Gather gather_;
    std::vector<uint8_t> opus_header_; ///< of the packet at hand
    std::vector<ByteView> pieces_;     ///< of the frame at hand
    std::vector<uint8_t> pending_;     ///< complete packets, fewer than a datagram after send()
    bool program_changed_ = false;
    int64_t shift_ = 0; ///< added to all times so that none is negative; ns
    int64_t last_dts_ = 0;
    int64_t next_tables_ = 0;
};

} // namespace penstock::ts
