// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/flv_output.h"

#include "core/flv/config_version.h"
#include "gst/bytes.h"
#include "gst/sender_time.h"

#include <utility>

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

void FlvOutput::begin() {
    normalizer_.reset();
    headers_version_ = normalizer_.headers().version;
    has_video_ = false;
    discont_ = true;
}

GstFlowReturn FlvOutput::take(flv::Tag &&tag, const TimeOf &time_of) {
    tags_.clear();
    normalizer_.take(std::move(tag), tags_);
    if (normalizer_.has_notes()) post_notes();
    for (const flv::Tag &each : tags_)
        if (const GstFlowReturn flow = push_tag(each, time_of); flow != GST_FLOW_OK) return flow;
    return GST_FLOW_OK;
}

void FlvOutput::post_notes() {
    for (const std::string &note : normalizer_.take_notes())
        GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("Odd publisher: %s.", note.c_str()),
                            ("%s", start_.name().c_str()));
}

GstFlowReturn FlvOutput::push_tag(const flv::Tag &tag, const TimeOf &time_of) {
    // Headers wait for the first frame behind them: then the caps can hold them all.
    if (tag.type == flv::TagType::video) has_video_ = true;
    if (tag.kind != flv::TagKind::keyframe && tag.kind != flv::TagKind::frame &&
        tag.kind != flv::TagKind::audio)
        return GST_FLOW_OK;
    const Times times = time_of(tag);
    if (!start_.has_started() || headers_version_ != normalizer_.headers().version)
        if (const GstFlowReturn flow = push_headers(); flow != GST_FLOW_OK) return flow;
    auto buffer = buffer_of(tag, config_);
    GST_BUFFER_DTS(buffer.get()) = times.dts;
    GST_BUFFER_PTS(buffer.get()) = times.pts;
    if (!flv::starts_gop(tag, has_video_))
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    if (times.sender_time > 0) add_sender_time(buffer.get(), times.sender_time);
    return push(std::move(buffer));
}

GstFlowReturn FlvOutput::push_headers() {
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
    const bool is_first = !start_.has_started();
    start_.push(caps.get());
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

GstFlowReturn FlvOutput::push(GstPtr<GstBuffer> buffer) {
    counters_.out(gst_buffer_get_size(buffer.get()));
    return gst_pad_push(pad_, buffer.release());
}

} // namespace penstock
