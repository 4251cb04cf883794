// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/tag_source.h"

#include <algorithm>

GST_DEBUG_CATEGORY_STATIC(tag_source_debug);
#define GST_CAT_DEFAULT tag_source_debug

namespace penstock {

TagSource::TagSource(GstElement *element, GstPad *pad)
    : QueuedSource(element, pad), output_(element, pad, counters_, start_) {
    [[maybe_unused]] static const bool registered = [] {
        GST_DEBUG_CATEGORY_INIT(tag_source_debug, "penstock-tag-source", 0, "Sources of FLV tags");
        return true;
    }();
}

void TagSource::on_open() {
    output_.begin();
    timeline_.emplace(rtmp::Timeline::Resume::at_arrival);
}

void TagSource::begin(const std::string &who) {
    output_.begin();
    timeline_->restart();
    on_began(who);
}

GstClockTime TagSource::time_of(const flv::Tag &tag) {
    const auto track =
        tag.type == flv::TagType::audio ? rtmp::Timeline::audio : rtmp::Timeline::video;
    const auto now = static_cast<int64_t>(running_time() / GST_MSECOND);
    // After a change of publishers no frame may be shown before the last one of the old publisher.
    const auto header =
        tag.type == flv::TagType::video ? flv::parse_body(tag.type, tag.body_view()) : std::nullopt;
    const auto composition =
        header ? static_cast<uint32_t>(std::max(header->composition_time, 0)) : 0;
    const int64_t time = timeline_->map(track, tag.timestamp, composition, now);
    if (timeline_->jumped())
        GST_WARNING_OBJECT(element_,
                           "%s: %s timestamp jumped by %d ms; carried on without the jump",
                           stream_name().c_str(),
                           track == rtmp::Timeline::audio ? "audio" : "video", timeline_->jump());
    return static_cast<GstClockTime>(time) * GST_MSECOND;
}

GstFlowReturn TagSource::take_media(TimedTag &&tag) {
    const int64_t sender_time = tag.sender_time;
    return output_.take(std::move(tag.tag), [this, sender_time](const flv::Tag &each) {
        const GstClockTime time = time_of(each);
        return FlvOutput::Times{time, time, sender_time};
    });
}

} // namespace penstock
