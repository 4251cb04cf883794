// SPDX-License-Identifier: LGPL-2.1-or-later
#include "room/tracks.h"

#include "core/layout/loudest.h"
#include "gst/mapped.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include <utility>

namespace penstock::room {
namespace {

constexpr guint64 audio_hold = 100 * GST_MSECOND;

/// In square pixels. Sizes are within GstVideoInfo's bounds.
layout::Size square(const GstVideoInfo &info) {
    const auto width = guint64(info.width) * guint64(info.par_n) / guint64(info.par_d);
    return {unsigned(std::min<guint64>(width, G_MAXUINT16)), unsigned(info.height)};
}

/// The elements, or none if one is missing.
std::vector<GstElement *> all_of(std::vector<GstElement *> elements) {
    for (GstElement *element : elements)
        if (!element) {
            for (GstElement *other : elements)
                if (other) gst_object_unref(gst_object_ref_sink(other));
            return {};
        }
    return elements;
}

} // namespace

const char *const mixed_audio = "audio/x-raw,format=" GST_AUDIO_NE(S16) ",rate=48000,channels=2,"
                                                                        "layout=interleaved,"
                                                                        "channel-mask=(bitmask)3";

// --- video --------------------------------------------------------------------------------

std::vector<GstElement *> VideoTrack::make_tail(std::string &reason) {
    auto tail = all_of(
        {make("videoflip", reason), make("videoconvertscale", reason), make("capsfilter", reason)});
    if (tail.empty()) return tail;
    gst_util_set_object_arg(G_OBJECT(tail[0]), "video-direction", "auto");
    for (GstElement *element : {tail[0], tail[1]})
        gst_util_set_object_arg(G_OBJECT(element), "qos", "false");
    // The tile has the video's shape.
    g_object_set(tail[1], "add-borders", FALSE, nullptr);
    gst_util_set_object_arg(G_OBJECT(tail[2]), "caps", "video/x-raw,format=I420");
    filter_ = GstPtr<GstElement>::ref(tail[2]);
    const auto upright = GstPtr<GstPad>::adopt(gst_element_get_static_pad(tail[0], "src"));
    gst_pad_add_probe(
        upright.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
            if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
                GstCaps *caps = nullptr;
                gst_event_parse_caps(event, &caps);
                static_cast<VideoTrack *>(data)->take_caps(caps);
            }
            return GST_PAD_PROBE_OK;
        },
        this, nullptr);
    return tail;
}

void VideoTrack::take_caps(GstCaps *caps) {
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, caps)) return;
    {
        std::lock_guard lock(mutex_);
        shape_ = square(info);
    }
    changed_();
}

std::optional<layout::Size> VideoTrack::shape() const {
    std::lock_guard lock(mutex_);
    return shape_;
}

void VideoTrack::prepare(GstPad *mixer_pad) {
    pad_ = GstPtr<GstPad>::ref(mixer_pad);
    hide();
    g_object_set(mixer_pad, "zorder", 1, nullptr);
}

void VideoTrack::decoded(GstPtr<GstBuffer> &frame) {
    // Without a duration a frame stays until the next one is due, however long that takes.
    frame = GstPtr<GstBuffer>::adopt(gst_buffer_make_writable(frame.release()));
    GST_BUFFER_DURATION(frame.get()) = GST_CLOCK_TIME_NONE;
}

void VideoTrack::place(const layout::Rect &at) {
    bool is_new = false;
    {
        std::lock_guard lock(mutex_);
        is_new = scaled_ != at.size();
        scaled_ = at.size();
    }
    if (is_new) {
        const auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
            "video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, int(at.width),
            "height", G_TYPE_INT, int(at.height), "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1,
            "colorimetry", G_TYPE_STRING, colorimetry_, nullptr));
        g_object_set(filter_.get(), "caps", caps.get(), nullptr);
    }
    g_object_set(pad_.get(), "xpos", int(at.x), "ypos", int(at.y), "width", int(at.width), "height",
                 int(at.height), "alpha", 1.0, nullptr);
}

void VideoTrack::hide() {
    g_object_set(pad_.get(), "alpha", 0.0, nullptr);
}

// --- audio --------------------------------------------------------------------------------

std::vector<GstElement *> AudioTrack::make_tail(std::string &reason) {
    auto tail = all_of(
        {make("audioconvert", reason), make("audioresample", reason), make("capsfilter", reason)});
    if (!tail.empty()) gst_util_set_object_arg(G_OBJECT(tail[2]), "caps", mixed_audio);
    return tail;
}

void AudioTrack::decoded(GstPtr<GstBuffer> &frame) {
    GstMapInfo map;
    if (!gst_buffer_map(frame.get(), &map, GST_MAP_READ)) return;
    level_ = layout::level_of(reinterpret_cast<const int16_t *>(map.data), map.size / 2);
    gst_buffer_unmap(frame.get(), &map);
}

double AudioTrack::level(guint64 now) const {
    return last() != 0 && now < last() + audio_hold ? level_.load() : layout::silence;
}

} // namespace penstock::room
