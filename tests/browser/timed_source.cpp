// SPDX-License-Identifier: LGPL-2.1-or-later
// A live stream with subtitles, ID3 tags and breaks, for a test in a browser. They say their own
// running times: the cue "cue N" is shown from N s to N + 0.8 s, the tag "tag N" is of N + 0.5 s, a
// break begins each four seconds and lasts two. timed_source LOCATION [PROPERTIES]
// It prints its URL, and the Unix time (ms) of its running time 0, and ends with its input.
#include "core/id3/tag.h"
#include "unit/scte35_rig.hpp"

#include <gst/gst.h>

#include <poll.h>

#include <cstdio>
#include <string>

using namespace penstock;

namespace {

void push(GstElement *source, const void *data, size_t size, GstClockTime pts,
          GstClockTime duration) {
    GstBuffer *buffer = gst_buffer_new_memdup(data, size);
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = duration;
    GstFlowReturn flow = GST_FLOW_OK;
    g_signal_emit_by_name(source, "push-buffer", buffer, &flow);
    gst_buffer_unref(buffer);
}

void splice(GstElement *hls, const rig::Insert &insert, GstClockTime time) {
    const Bytes section = rig::section_of(insert);
    GBytes *bytes = g_bytes_new(section.data(), section.size());
    GstStructure *s = gst_structure_new("penstock-scte35", "data", G_TYPE_BYTES, bytes,
                                        "running-time", G_TYPE_UINT64, guint64(time), nullptr);
    g_bytes_unref(bytes);
    gst_element_send_event(hls, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, s));
}

} // namespace

int main(int argc, char **argv) {
    gst_init(nullptr, nullptr);
    if (argc < 2) return 2;
    const std::string line =
        "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,"
        "framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 "
        "option-string=scenecut=0 ! h264parse ! hls.video_0 audiotestsrc is-live=true "
        "samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! "
        "hls.audio_0 appsrc name=text is-live=true format=time caps=text/x-raw,format=utf8 ! "
        "hls.subtitle_0 appsrc name=id3 is-live=true format=time caps=meta/x-id3 ! hls.metadata_0 "
        "hlssegmenter name=hls target-duration=1000000000 subtitle_0::title=English "
        "subtitle_0::language=en location=" +
        std::string(argv[1]) + " " + (argc > 2 ? argv[2] : "");
    GError *error = nullptr;
    GstElement *pipeline = gst_parse_launch(line.c_str(), &error);
    if (error) {
        std::fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    GstElement *hls = gst_bin_get_by_name(GST_BIN(pipeline), "hls");
    GstElement *text = gst_bin_get_by_name(GST_BIN(pipeline), "text");
    GstElement *id3 = gst_bin_get_by_name(GST_BIN(pipeline), "id3");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    // A live pipeline has its base time as soon as it plays.
    gst_element_get_state(pipeline, nullptr, nullptr, 10 * GST_SECOND);
    GstClock *clock = gst_element_get_clock(pipeline);
    const auto now = [&] {
        return GstClockTimeDiff(gst_clock_get_time(clock) - gst_element_get_base_time(pipeline));
    };
    GstStructure *stats = nullptr;
    g_object_get(hls, "stats", &stats, nullptr);
    std::printf("%s %lld\n", gst_structure_get_string(stats, "url"),
                static_cast<long long>(g_get_real_time() / 1000 - now() / GST_MSECOND));
    std::fflush(stdout);
    gst_structure_free(stats);
    pollfd input{0, POLLIN, 0};
    for (GstClockTime n = 1; poll(&input, 1, 20) == 0;) {
        if (now() < GstClockTimeDiff(n * GST_SECOND)) continue;
        const std::string cue = "cue " + std::to_string(n), title = "tag " + std::to_string(n);
        push(text, cue.data(), cue.size(), n * GST_SECOND, 800 * GST_MSECOND);
        const id3::Text frame{"TIT2", title};
        const Bytes tag = id3::make_tag(std::span(&frame, 1));
        push(id3, tag.data(), tag.size(), n * GST_SECOND + 500 * GST_MSECOND, GST_CLOCK_TIME_NONE);
        if (n % 4 == 1) { // three seconds before
            const auto event = static_cast<uint32_t>(n);
            splice(hls, {.event = event, .time = n, .duration = 2 * 90'000}, (n + 3) * GST_SECOND);
            splice(hls, {.event = event, .is_out = false, .time = n + 1}, (n + 5) * GST_SECOND);
        }
        ++n;
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    return 0;
}
