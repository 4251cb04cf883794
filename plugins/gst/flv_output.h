// SPDX-License-Identifier: LGPL-2.1-or-later
// Pushes FLV tags as `video/x-flv` buffers: one tag each, behind the headers that it needs.
#pragma once

#include "core/flv/normalizer.h"
#include "gst/ptr.h"
#include "gst/stats.h"
#include "gst/stream_start.h"

#include <functional>
#include <vector>

namespace penstock {

/// What all producers of `video/x-flv` promise: caps with `streamheader`, then header and codec
/// configuration with the flag HEADER, then frames from a keyframe on; new headers when the
/// configuration changes. Used by one thread at a time, which holds the pad's stream lock.
class FlvOutput {
public:
    struct Times {
        GstClockTime dts, pts;
        int64_t sender_time = 0; ///< ns since 1970 by the sender's clock, for a meta; 0: not told
    };
    using TimeOf = std::function<Times(const flv::Tag &)>;

    FlvOutput(GstElement *element, GstPad *pad, Counters &counters, StreamStart &start)
        : element_(element), pad_(pad), counters_(counters), start_(start) {}

    /// The next tag is of another sender.
    void begin();
    /// Takes a tag. `time_of` is asked about each frame that goes out.
    GstFlowReturn take(flv::Tag &&tag, const TimeOf &time_of);
    /// The next frame comes behind a gap.
    void mark_discont() { discont_ = true; }

private:
    GstFlowReturn push_tag(const flv::Tag &tag, const TimeOf &time_of);
    GstFlowReturn push_headers();
    GstFlowReturn push(GstPtr<GstBuffer> buffer);
    void post_notes();

    GstElement *const element_;
    GstPad *const pad_;
    Counters &counters_;
    StreamStart &start_;
    flv::Normalizer normalizer_;
    std::vector<flv::Tag> tags_; ///< what became of the tag at hand
    unsigned headers_version_ = 0;
    uint32_t config_ = 0; ///< of the headers that are out, see KnownTag
    bool has_video_ = false;
    bool discont_ = true;
};

} // namespace penstock
