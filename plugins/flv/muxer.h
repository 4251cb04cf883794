// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of flvlivemux: elementary streams in, one FLV tag per buffer out.
#pragma once

#include "flv/codecs.h"
#include "flv/metadata.h"
#include "gst/live_muxer.h"

namespace penstock::flv {

class Muxer final : public LiveMuxer {
public:
    using LiveMuxer::LiveMuxer;

private:
    struct FlvTrack : Track {
        const Codec *codec = nullptr; ///< nullptr before the caps
        GstPtr<GstCaps> caps;
        std::vector<uint8_t> config;
        bool keyframe_seen = false;
        int64_t last_dts = 0; ///< of the output; ns
    };
    static FlvTrack &flv(Track &track) { return static_cast<FlvTrack &>(track); }

    TrackPtr make_track() const override { return std::make_shared<FlvTrack>(); }
    void set_caps(Track &track, const GstCaps *caps) override;
    GstFlowReturn push(Track &track, const Item &item) override;
    void reset_output() override;
    void reset_track(Track &track, bool with_caps) override;

    GstFlowReturn push_headers(GstClockTime time, bool with_file_header);
    bool has_default_track() const;
    void configure_by_frame(FlvTrack &track, ByteView frame);
    GstFlowReturn push_header_tag(const Tag &tag, GstClockTime time);

    // Used by the source pad's thread only.
    bool headers_changed_ = false;
    int64_t shift_ = 0; ///< added to all times so that none is negative; ns
};

} // namespace penstock::flv
