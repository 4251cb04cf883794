// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file/keyframes.h"

#include "gst/ptr.h"

#include <algorithm>
#include <atomic>

namespace penstock::file {
namespace {

constexpr GstClockTime poll = 100 * GST_MSECOND;

/// The pipeline, and what has been seen. A demuxer's thread writes it.
struct Scan {
    GstElement *pipeline = nullptr; ///< owned by longest_gop()
    std::atomic<GstPad *> video = nullptr;
    std::atomic<uint64_t> longest = 0;
    std::atomic<bool> has_frames = false;
    GstClockTime key = GST_CLOCK_TIME_NONE, newest = 0;

    void see(GstBuffer *buffer) {
        const GstClockTime time = GST_BUFFER_PTS(buffer);
        if (!GST_CLOCK_TIME_IS_VALID(time)) return;
        const bool is_key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        newest = std::max(newest, time);
        if (!GST_CLOCK_TIME_IS_VALID(key)) {
            if (is_key) key = time;
            has_frames = has_frames || is_key;
            return;
        }
        // Without another keyframe the GOP is as long as it is so far.
        if (newest > key) longest = std::max<uint64_t>(longest, (is_key ? time : newest) - key);
        if (is_key) key = newest = time;
    }
};

GstPadProbeReturn see(GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto *scan = static_cast<Scan *>(data);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        scan->see(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
    }
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
    for (guint i = 0; i < gst_buffer_list_length(list); ++i)
        scan->see(gst_buffer_list_get(list, i));
    return GST_PAD_PROBE_OK;
}

void add_sink(GstElement *, GstPad *pad, gpointer data) {
    auto *scan = static_cast<Scan *>(data);
    GstElement *sink = gst_element_factory_make("fakesink", nullptr);
    if (!sink) return;
    g_object_set(sink, "async", FALSE, "sync", FALSE, nullptr);
    gst_bin_add(GST_BIN(scan->pipeline), sink);
    gst_element_sync_state_with_parent(sink);
    const auto in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    const char *name = caps && gst_caps_get_size(caps.get()) > 0
                           ? gst_structure_get_name(gst_caps_get_structure(caps.get(), 0))
                           : "";
    GstPad *none = nullptr;
    if (g_str_has_prefix(name, "video/") && scan->video.compare_exchange_strong(none, pad))
        gst_pad_add_probe(
            pad, GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST), see,
            scan, nullptr);
    gst_pad_link(pad, in.get());
}

} // namespace

std::optional<uint64_t> longest_gop(const std::string &path, uint64_t enough,
                                    const std::function<bool()> &is_cancelled) {
    Scan scan;
    auto pipeline =
        GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new("keyframes"))));
    GstElement *source = gst_element_factory_make("filesrc", nullptr);
    GstElement *parse = gst_element_factory_make("parsebin", nullptr);
    scan.pipeline = pipeline.get();
    for (GstElement *element : {source, parse})
        if (element) gst_bin_add(GST_BIN(pipeline.get()), element);
    if (!source || !parse || !gst_element_link(source, parse)) return std::nullopt;
    g_object_set(source, "location", path.c_str(), nullptr);
    g_signal_connect(parse, "pad-added", G_CALLBACK(add_sink), &scan);
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    bool is_done =
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE;
    bool is_given_up = false;
    while (!is_done && !is_given_up && scan.longest <= enough) {
        // A file that is cut off ends with an error: what came before counts.
        const auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus.get(), poll, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
        is_done = message.get() != nullptr;
        is_given_up = is_cancelled();
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (is_given_up || !scan.has_frames) return std::nullopt;
    return scan.longest.load();
}

} // namespace penstock::file
