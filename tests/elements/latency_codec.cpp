// SPDX-License-Identifier: LGPL-2.1-or-later
// Stamps through x264 at 300 kbit/s for 360p, scaled and cropped: every frame is read correctly.
// 500 frames of PENSTOCK_MEDIA, or generated ones.
#include "core/latency/reader.h"
#include "gst/ptr.h"

#include <gst/video/video.h>

#include "check.hpp"

using namespace penstock;
using namespace penstock::latency;

namespace {

struct Run {
    std::mutex mutex;
    std::map<uint32_t, Stamp> sent;
    Reader reader;
    unsigned frames = 0, read = 0, wrong = 0;
    uint64_t bytes = 0;
};

/// Called after latencystamp, whose stats then have the stamp of this frame.
GstPadProbeReturn note_stamp(GstPad *pad, GstPadProbeInfo *, gpointer data) {
    auto &run = *static_cast<Run *>(data);
    auto element = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad));
    GstStructure *stats = nullptr;
    g_object_get(element.get(), "stats", &stats, nullptr);
    guint frame = 0;
    gint64 time = 0;
    gst_structure_get(stats, "frame", G_TYPE_UINT, &frame, "sent", G_TYPE_INT64, &time, nullptr);
    gst_structure_free(stats);
    const std::lock_guard lock(run.mutex);
    run.sent[frame] = {time, frame, 21};
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn count_bytes(GstPad *, GstPadProbeInfo *info, gpointer data) {
    static_cast<Run *>(data)->bytes += gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn read_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto &run = *static_cast<Run *>(data);
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    GstVideoInfo video;
    GstVideoFrame frame;
    fail_unless(gst_video_info_from_caps(&video, caps.get()));
    fail_unless(gst_video_frame_map(&frame, &video, GST_PAD_PROBE_INFO_BUFFER(info), GST_MAP_READ));
    const auto reading =
        run.reader.read({static_cast<const uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&frame, 0)),
                         GST_VIDEO_FRAME_WIDTH(&frame), GST_VIDEO_FRAME_HEIGHT(&frame),
                         GST_VIDEO_FRAME_COMP_STRIDE(&frame, 0), 1});
    gst_video_frame_unmap(&frame);
    const std::lock_guard lock(run.mutex);
    ++run.frames;
    if (!reading) return GST_PAD_PROBE_OK;
    const auto sent = run.sent.find(reading->stamp.frame);
    ++(sent != run.sent.end() && sent->second == reading->stamp ? run.read : run.wrong);
    return GST_PAD_PROBE_OK;
}

void add_probe(GstElement *pipeline, const char *name, const char *pad_name,
               GstPadProbeCallback probe, Run &run) {
    auto element = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), name));
    auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element.get(), pad_name));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, probe, &run, nullptr);
}

std::string source() {
    if (const char *media = g_getenv("PENSTOCK_MEDIA"))
        return std::string("filesrc location=\"") + media +
               "\" ! decodebin ! identity eos-after=250 ! videoconvert ! ";
    return "videotestsrc num-buffers=250 pattern=smpte horizontal-speed=3 ! ";
}

/// 250 frames, or as many as the footage has.
void expect_all(const char *encoder, const char *behind) {
    Run run;
    GError *error = nullptr;
    const std::string line =
        source() +
        "videoscale add-borders=false ! video/x-raw,format=I420,width=640,height=360 ! "
        "latencystamp name=stamp source-id=21 text=camera ! " +
        encoder + " ! identity name=coded ! avdec_h264 ! " + behind +
        " ! fakesink name=end sync=false";
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
    fail_if(error, "%s", error ? error->message : "");
    add_probe(pipeline.get(), "stamp", "src", note_stamp, run);
    add_probe(pipeline.get(), "coded", "sink", count_bytes, run);
    add_probe(pipeline.get(), "end", "sink", read_frame, run);
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 100 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS, "%s", line.c_str());
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    fail_unless(run.frames >= 20 && run.frames + 2 >= run.sent.size(), "%u of %zu frames came",
                run.frames, run.sent.size());
    fail_unless_equals_int(run.wrong, 0);
    // A starved encoder may spoil single frames, which is not the reader's fault.
    fail_unless(run.read * 100 >= run.frames * 99, "%u of %u frames are read", run.read,
                run.frames);
    // The bitrate was as low as intended: 300 kbit/s at 30 frames per second, with some tolerance.
    fail_unless(run.bytes * 8 / run.frames < 13'000, "%g kbit a frame",
                double(run.bytes) * 8 / 1000 / run.frames);
}

} // namespace

GST_START_TEST(test_low_latency) {
    expect_all("x264enc bitrate=300 tune=zerolatency speed-preset=veryfast key-int-max=60",
               "identity");
}
GST_END_TEST

GST_START_TEST(test_b_frames_scaled_and_cropped) {
    expect_all("x264enc bitrate=300 speed-preset=veryfast bframes=3",
               "videoscale add-borders=false ! video/x-raw,width=1920,height=1080 ! videoscale "
               "add-borders=false ! video/x-raw,width=640,height=360 ! "
               "videocrop left=32 right=32 top=18 bottom=18");
}
GST_END_TEST

static Suite *latency_codec_suite() {
    Suite *s = suite_create("latency_codec");
    TCase *tc = tcase_create("general");
    tcase_set_timeout(tc, 110);
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_low_latency);
    tcase_add_test(tc, test_b_frames_scaled_and_cropped);
    return s;
}
GST_CHECK_MAIN(latency_codec)
