// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/tag_source.h"

#include "core/flv/config_version.h"
#include "gst/bytes.h"

#include <algorithm>

GST_DEBUG_CATEGORY_STATIC(tag_source_debug);
#define GST_CAT_DEFAULT tag_source_debug

namespace penstock {
namespace {

void append_header(GValue *array, const Bytes &bytes) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_BUFFER);
    auto buffer = buffer_of(bytes);
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    gst_value_take_buffer(&value, buffer.release());
    gst_value_array_append_and_take_value(array, &value);
}

} // namespace

TagSource::TagSource(GstElement *element, GstPad *pad) : QueuedSource(element, pad) {
    [[maybe_unused]] static const bool registered = [] {
        GST_DEBUG_CATEGORY_INIT(tag_source_debug, "penstock-tag-source", 0, "Sources of FLV tags");
        return true;
    }();
}

void TagSource::on_open() {
    has_video_ = false;
    discont_ = true;
    normalizer_.reset();
    headers_version_ = normalizer_.headers().version;
    timeline_.emplace(rtmp::Timeline::Resume::at_arrival);
}

void TagSource::begin(const std::string &who) {
    normalizer_.reset();
    headers_version_ = normalizer_.headers().version;
    has_video_ = false;
    discont_ = true;
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
        GST_WARNING_OBJECT(element_, "%s timestamp jumped by %d ms; carried on without the jump",
                           track == rtmp::Timeline::audio ? "audio" : "video", timeline_->jump());
    return static_cast<GstClockTime>(time) * GST_MSECOND;
}

GstFlowReturn TagSource::take_media(flv::Tag &&tag) {
    tags_.clear();
    normalizer_.take(std::move(tag), tags_);
    if (normalizer_.has_notes()) post_notes();
    for (const flv::Tag &each : tags_)
        if (const GstFlowReturn flow = push_tag(each); flow != GST_FLOW_OK) return flow;
    return GST_FLOW_OK;
}

void TagSource::post_notes() {
    for (const std::string &note : normalizer_.take_notes())
        GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("Odd publisher: %s.", note.c_str()),
                            ("%s", stream_name().c_str()));
}

GstFlowReturn TagSource::push_tag(const flv::Tag &tag) {
    // Headers wait for the first frame behind them: then the caps can hold them all.
    if (tag.type == flv::TagType::video) has_video_ = true;
    if (tag.kind != flv::TagKind::keyframe && tag.kind != flv::TagKind::frame &&
        tag.kind != flv::TagKind::audio)
        return GST_FLOW_OK;
    const GstClockTime time = time_of(tag);
    if (!has_started() || headers_version_ != normalizer_.headers().version)
        if (const GstFlowReturn flow = push_headers(); flow != GST_FLOW_OK) return flow;
    auto buffer = buffer_of(tag, config_);
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
    if (!flv::starts_gop(tag, has_video_))
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    return push(std::move(buffer));
}

GstFlowReturn TagSource::push_headers() {
    const auto &headers = normalizer_.headers();
    headers_version_ = headers.version;
    config_ = flv::next_config_version();
    const Bytes file_header = flv::file_header(headers.audio_config.has_value() || !has_video_,
                                               headers.video_config.has_value() || has_video_);
    auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv"));
    GValue array = G_VALUE_INIT;
    g_value_init(&array, GST_TYPE_ARRAY);
    append_header(&array, file_header);
    for (const flv::Tag &tag : headers.list())
        append_header(&array, tag.bytes);
    gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "streamheader", &array);
    const bool is_first = !has_started();
    push_start(caps.get());
    const auto push_header = [this](GstPtr<GstBuffer> buffer) {
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
        return push(std::move(buffer));
    };
    if (is_first)
        if (const GstFlowReturn flow = push_header(buffer_of(file_header)); flow != GST_FLOW_OK)
            return flow;
    for (const flv::Tag &tag : headers.list())
        if (const GstFlowReturn flow = push_header(buffer_of(tag, config_)); flow != GST_FLOW_OK)
            return flow;
    return GST_FLOW_OK;
}

} // namespace penstock
