// SPDX-License-Identifier: LGPL-2.1-or-later
// Stamps footage, passes it through an encoder and other elements, and reports the share of frames
// that can be read, and any that are read wrong. A starved encoder may repeat a frame instead of
// the next one; such reads count as stale.
//   latency-survey FILE FRAMES BEFORE STAMP AFTER
// BEFORE, STAMP and AFTER: elements before latencystamp, its properties, and elements after it, in
// gst-launch syntax; the bitrate is measured at an element named `coded` after an encoder. FRAMES:
// maximum number; shorter files are repeated. FILE `-` is PENSTOCK_MEDIA; if that is not set, exits
// with 77, which skips a test. Prints JSON.
#include "core/latency/reader.h"
#include "gst/ptr.h"

#include <gst/video/video.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

using namespace penstock;
using namespace penstock::latency;

namespace {

struct Survey {
    std::mutex mutex;
    /// Frames by running time. Several may have the same: AVI's demuxer gives two frames one time
    /// if the file has packed B-frames.
    std::multimap<guint64, Stamp> sent;
    Reader reader;
    guint64 limit = 0;
    guint64 stamped = 0, frames = 0, read = 0, stale = 0, wrong = 0, bytes = 0;
    guint64 first = GST_CLOCK_TIME_NONE, last = 0; ///< running times
    guint64 before = 0;                            ///< frames of the passes before
};

std::optional<guint64> running_time(GstPad *pad, GstBuffer *buffer) {
    auto event = GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
    if (!event) return std::nullopt;
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event.get(), &segment);
    const guint64 time =
        gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    // Muxing may round.
    return time == GST_CLOCK_TIME_NONE ? std::nullopt
                                       : std::optional((time + GST_MSECOND) / (2 * GST_MSECOND));
}

/// Runs after latencystamp, in its thread, when its stats have the stamp of this frame.
GstPadProbeReturn note_stamp(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto &survey = *static_cast<Survey *>(data);
    auto stamper = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad));
    GstStructure *stats = nullptr;
    g_object_get(stamper.get(), "stats", &stats, nullptr);
    Stamp stamp;
    guint frame = 0, source = 0;
    gint64 time = 0;
    gst_structure_get(stats, "frame", G_TYPE_UINT, &frame, "sent", G_TYPE_INT64, &time, "source-id",
                      G_TYPE_UINT, &source, nullptr);
    gst_structure_free(stats);
    stamp = {time, frame, static_cast<uint16_t>(source)};
    const std::lock_guard lock(survey.mutex);
    if (survey.before + survey.stamped >= survey.limit) {
        // Upstream ends the stream then.
        gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
        GST_PAD_PROBE_INFO_DATA(info) = nullptr;
        GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_EOS;
        return GST_PAD_PROBE_HANDLED;
    }
    ++survey.stamped;
    const auto at = running_time(pad, GST_PAD_PROBE_INFO_BUFFER(info));
    survey.sent.emplace(at.value_or(GST_CLOCK_TIME_NONE), stamp);
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn count_bytes(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto &survey = *static_cast<Survey *>(data);
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    const std::lock_guard lock(survey.mutex);
    survey.bytes += gst_buffer_get_size(buffer);
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn read_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto &survey = *static_cast<Survey *>(data);
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    GstVideoInfo video;
    GstVideoFrame frame;
    if (!caps || !gst_video_info_from_caps(&video, caps.get()) ||
        !gst_video_frame_map(&frame, &video, buffer, GST_MAP_READ))
        return GST_PAD_PROBE_OK;
    const Luma luma{static_cast<const uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&frame, 0)),
                    GST_VIDEO_FRAME_WIDTH(&frame), GST_VIDEO_FRAME_HEIGHT(&frame),
                    GST_VIDEO_FRAME_COMP_STRIDE(&frame, 0),
                    GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, 0)};
    const auto reading = survey.reader.read(luma);
    gst_video_frame_unmap(&frame);
    const auto at = running_time(pad, buffer);
    const std::lock_guard lock(survey.mutex);
    ++survey.frames;
    if (at) {
        survey.first = std::min(survey.first, *at);
        survey.last = std::max(survey.last, *at);
    }
    if (!reading) return GST_PAD_PROBE_OK;
    const auto is_it = [&](const auto &each) { return each.second == reading->stamp; };
    const auto [begin, end] = survey.sent.equal_range(at.value_or(GST_CLOCK_TIME_NONE));
    if (std::any_of(begin, end, is_it))
        ++survey.read;
    else if (std::any_of(survey.sent.begin(), survey.sent.end(), is_it))
        ++survey.stale;
    else
        ++survey.wrong;
    return GST_PAD_PROBE_OK;
}

void add_probe(GstElement *pipeline, const char *element, const char *pad_name,
               GstPadProbeCallback probe, Survey &survey) {
    auto found = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), element));
    if (!found) return;
    auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(found.get(), pad_name));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, probe, &survey, nullptr);
}

/// One pass through the file, up to the limit.
void run(const std::string &line, Survey &survey) {
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
    if (error) throw std::runtime_error(error->message);
    survey.sent.clear();
    survey.before += std::exchange(survey.stamped, 0);
    survey.first = GST_CLOCK_TIME_NONE;
    survey.last = 0;
    add_probe(pipeline.get(), "stamp", "src", note_stamp, survey);
    add_probe(pipeline.get(), "coded", "sink", count_bytes, survey);
    add_probe(pipeline.get(), "end", "sink", read_frame, survey);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), GST_CLOCK_TIME_NONE, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    std::string what;
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
        gchar *debug = nullptr;
        gst_message_parse_error(message.get(), &error, &debug);
        what = std::string(error->message) + " " + (debug ? debug : "");
        g_error_free(error);
        g_free(debug);
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (!what.empty()) throw std::runtime_error(what);
}

} // namespace

int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    if (argc != 6) {
        std::fprintf(stderr, "usage: latency-survey FILE FRAMES BEFORE STAMP AFTER\n");
        return 2;
    }
    const char *media = std::string(argv[1]) == "-" ? g_getenv("PENSTOCK_MEDIA") : argv[1];
    if (!media) {
        std::fprintf(stderr, "no footage: PENSTOCK_MEDIA names none\n");
        return 77;
    }
    try {
        Survey survey;
        survey.limit = std::strtoull(argv[2], nullptr, 10);
        const std::string line = std::string("filesrc location=\"") + media +
                                 "\" ! decodebin ! videoconvert ! " + argv[3] +
                                 " ! latencystamp name=stamp " + argv[4] + " ! " + argv[5] +
                                 " ! videoconvert ! video/x-raw,format=I420 ! "
                                 "fakesink name=end sync=false";
        double seconds = 0;
        while (survey.before + survey.stamped < survey.limit) {
            const guint64 had = survey.frames;
            run(line, survey);
            const guint64 frames = survey.frames - had;
            if (frames == 0) throw std::runtime_error("the footage has no frames");
            // Both ends are in units of 2 ms; the last frame has a duration as well.
            if (frames > 1)
                seconds += double(survey.last - survey.first) * 0.002 * double(frames) /
                           double(frames - 1);
        }
        const nlohmann::json out = {{"stamped", survey.before + survey.stamped},
                                    {"frames", survey.frames},
                                    {"read", survey.read},
                                    {"stale", survey.stale},
                                    {"wrong", survey.wrong},
                                    {"kbit", double(survey.bytes) * 8 / 1000 / seconds}};
        std::printf("%s\n", out.dump().c_str());
        return survey.wrong ? 1 : 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "latency-survey: %s\n", error.what());
        return 3;
    }
}
