// SPDX-License-Identifier: LGPL-2.1-or-later
// Pushes FLV tags as `video/x-flv` buffers: one tag each, behind the headers that it needs.
#pragma once

#include "core/flv/normalizer.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <functional>
#include <string>
#include <vector>

namespace penstock {

/// What all producers of `video/x-flv` promise: caps with `streamheader`, then header and codec
/// configuration with the flag HEADER, then frames from a keyframe on; new headers when the
/// configuration changes. Used by one thread at a time, which holds the pad's stream lock.
class FlvOutput {
public:
    struct Times {
        GstClockTime dts, pts;
    };
    using TimeOf = std::function<Times(const flv::Tag &)>;

    /// `stream_name`: for the stream id and messages. `tags`: an event of tags that goes out behind
    /// the segment; nullptr, or nullptr from it: none.
    FlvOutput(GstElement *element, GstPad *pad, Counters &counters,
              std::function<std::string()> stream_name, std::function<GstEvent *()> tags = nullptr);

    /// The next tag is of another sender.
    void begin();
    /// Also, the stream starts again, with its events.
    void restart();
    /// Takes a tag. `time_of` is asked about each frame that goes out.
    GstFlowReturn take(flv::Tag &&tag, const TimeOf &time_of);
    /// The next frame comes behind a gap.
    void mark_discont() { discont_ = true; }
    /// Sends the tags anew, if the stream has started.
    void push_tags();
    /// Sends EOS, behind a stream-start.
    void push_eos();
    bool has_started() const { return started_; }

private:
    GstFlowReturn push_tag(const flv::Tag &tag, const TimeOf &time_of);
    GstFlowReturn push_headers();
    GstFlowReturn push(GstPtr<GstBuffer> buffer);
    void push_stream_start();
    void post_notes();

    GstElement *const element_;
    GstPad *const pad_;
    Counters &counters_;
    const std::function<std::string()> stream_name_;
    const std::function<GstEvent *()> tags_event_;
    flv::Normalizer normalizer_;
    std::vector<flv::Tag> tags_; ///< what became of the tag at hand
    unsigned headers_version_ = 0;
    uint32_t config_ = 0;  ///< of the headers that are out, see KnownTag
    bool started_ = false; ///< stream-start is out
    bool has_video_ = false;
    bool discont_ = true;
};

} // namespace penstock
