// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/stream_start.h"

#include "gst/ptr.h"

#include <utility>

namespace penstock {

StreamStart::StreamStart(GstElement *element, GstPad *pad, std::function<std::string()> name,
                         std::function<GstEvent *()> tags)
    : element_(element), pad_(pad), name_(std::move(name)), tags_(std::move(tags)) {
}

void StreamStart::push_id() {
    GOwned<> id(gst_pad_create_stream_id(pad_, element_, name_().c_str()));
    gst_pad_push_event(pad_, gst_event_new_stream_start(id.get()));
}

void StreamStart::push(GstCaps *caps) {
    const bool is_first = !std::exchange(has_started_, true);
    if (is_first) push_id();
    gst_pad_push_event(pad_, gst_event_new_caps(caps));
    if (!is_first) return;
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(pad_, gst_event_new_segment(&segment));
    push_tags();
}

void StreamStart::push_tags() {
    if (!has_started_ || !tags_) return;
    if (GstEvent *event = tags_()) gst_pad_push_event(pad_, event);
}

void StreamStart::push_eos() {
    if (!std::exchange(has_started_, true)) push_id();
    gst_pad_push_event(pad_, gst_event_new_eos());
}

} // namespace penstock
