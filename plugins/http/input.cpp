// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http/input.h"

#include "gst/bytes.h"

#include <algorithm>

namespace penstock {
namespace {

constexpr uint8_t ts_sync = 0x47;
constexpr size_t ts_packet = 188;
/// Minimum distance between join positions, so that the newest is followed by some audio.
constexpr GstClockTime join_distance = GST_SECOND;

std::vector<Bytes> stream_headers(const GstStructure *caps) {
    std::vector<Bytes> headers;
    const GValue *list = gst_structure_get_value(caps, "streamheader");
    if (!list || !GST_VALUE_HOLDS_ARRAY(list)) return headers;
    for (guint i = 0; i < gst_value_array_get_size(list); ++i) {
        const GValue *value = gst_value_array_get_value(list, i);
        if (!GST_VALUE_HOLDS_BUFFER(value)) continue;
        if (GstBuffer *buffer = gst_value_get_buffer(value)) headers.push_back(bytes_of(buffer));
    }
    return headers;
}

bool begins_with(ByteView bytes, std::string_view text) {
    return bytes.size() >= text.size() && std::equal(text.begin(), text.end(), bytes.begin());
}

} // namespace

bool HttpInput::set_caps(const GstCaps *caps, net::HttpFeed &feed) {
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    const std::string name = gst_structure_get_name(structure);
    net::HttpFormat format{name, false};
    Kind kind = Kind::flv;
    if (name == "video/mpegts") {
        kind = Kind::ts;
        format.content_type = "video/mp2t";
    } else if (name == "audio/mpeg") {
        int version = 1;
        gst_structure_get_int(structure, "mpegversion", &version);
        kind = Kind::audio;
        format = {version == 1 ? "audio/mpeg" : "audio/aac", true};
    } else if (name.ends_with("/ogg")) {
        kind = Kind::ogg;
    } else if (name != "video/x-flv") {
        return false;
    }
    headers_ = stream_headers(structure);
    if (kind_ == Kind::none || format != format_) {
        kind_ = kind;
        format_ = format;
        flv_ = {};
        joined_at_ = GST_CLOCK_TIME_NONE;
        any_ = false;
        feed.begin(format);
    }
    if (kind_ == Kind::ts || kind_ == Kind::ogg) feed.set_headers(headers_);
    return true;
}

void HttpInput::flush() {
    flv_.flush();
}

Result HttpInput::push_bytes(Bytes bytes, GstBuffer *first, net::HttpFeed &feed) {
    if (bytes.empty()) return Result::ok();
    bool joinable = !GST_BUFFER_FLAG_IS_SET(first, GST_BUFFER_FLAG_DELTA_UNIT);
    if (kind_ == Kind::ts && (bytes[0] != ts_sync || bytes.size() % ts_packet != 0))
        return Result::error("no MPEG-TS packets of 188 bytes");
    if (kind_ == Kind::ogg) {
        if (!begins_with(bytes, "OggS") || bytes.size() < 27) return Result::error("no Ogg page");
        const bool is_continued = bytes[5] & 1;
        joinable = joinable && !is_continued;
        // Viewers get the headers from the caps when they join.
        if (!headers_.empty() && GST_BUFFER_FLAG_IS_SET(first, GST_BUFFER_FLAG_HEADER))
            return Result::ok();
    }
    if (joinable) {
        GstClockTime now = GST_BUFFER_DTS_OR_PTS(first);
        if (!GST_CLOCK_TIME_IS_VALID(now))
            now = static_cast<GstClockTime>(g_get_monotonic_time()) * GST_USECOND;
        joinable = !GST_CLOCK_TIME_IS_VALID(joined_at_) || now < joined_at_ ||
                   now - joined_at_ >= join_distance;
        if (joinable) joined_at_ = now;
    }
    any_ = true;
    feed.push(std::move(bytes), joinable, true);
    return Result::ok();
}

Result HttpInput::push(GstBuffer *buffer, net::HttpFeed &feed) {
    if (kind_ == Kind::none) return Result::error("no caps");
    if (kind_ == Kind::flv) return flv_.push(buffer, feed);
    return push_bytes(bytes_of(buffer), buffer, feed);
}

Result HttpInput::push(GstBufferList *list, net::HttpFeed &feed) {
    const guint length = gst_buffer_list_length(list);
    if (kind_ != Kind::ts) {
        for (guint i = 0; i < length; ++i)
            if (Result result = push(gst_buffer_list_get(list, i), feed); result.is_error())
                return result;
        return Result::ok();
    }
    // A buffer list of a muxer is one frame in packets of 188 bytes.
    for (guint i = 0; i < length;) {
        GstBuffer *first = gst_buffer_list_get(list, i);
        guint end = i + 1;
        while (end < length &&
               GST_BUFFER_FLAG_IS_SET(gst_buffer_list_get(list, end), GST_BUFFER_FLAG_DELTA_UNIT))
            ++end;
        size_t size = 0;
        for (guint at = i; at < end; ++at)
            size += gst_buffer_get_size(gst_buffer_list_get(list, at));
        std::vector<uint8_t> bytes(size);
        size_t filled = 0;
        for (; i < end; ++i) {
            GstBuffer *buffer = gst_buffer_list_get(list, i);
            filled += gst_buffer_extract(buffer, 0, bytes.data() + filled, size - filled);
        }
        bytes.resize(filled);
        if (Result result = push_bytes(Bytes::adopt(std::move(bytes)), first, feed);
            result.is_error())
            return result;
    }
    return Result::ok();
}

} // namespace penstock
