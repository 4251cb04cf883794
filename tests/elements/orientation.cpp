// SPDX-License-Identifier: LGPL-2.1-or-later
// copyorencode and the orientation tag: rotated and mirrored video is encoded upright.
#include "gst/ptr.h"

#include <gst/video/video.h>

#include "check.hpp"

using namespace penstock;

namespace {

constexpr int width = 160, height = 96;

/// A frame whose corners have four levels of luma: 40, 90 / 140, 190.
GstBuffer *quarters(GstClockTime pts) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, width * height * 3 / 2, nullptr);
    GstMapInfo map;
    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            map.data[y * width + x] = guint8(40 + 50 * (x >= width / 2) + 100 * (y >= height / 2));
    memset(map.data + width * height, 128, width * height / 2);
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
    return buffer;
}

/// The output of `appsrc ! ENCODER copyorencode ! decoder`, with a tag in front of the data.
struct Outcome {
    std::string action, reason, orientation; ///< orientation: the last tag behind copyorencode
    int width = 0, height = 0, caps_events = 0, messages = 0;
    std::vector<int> corners; ///< top left, top right, bottom left, bottom right
};

Outcome run(const std::string &encoder, const char *orientation, const std::string &properties = "",
            const char *later = nullptr) {
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(
        ("appsrc name=in format=time caps=video/x-raw,format=I420,width=160,height=96,"
         "framerate=25/1 ! " +
         encoder + " copyorencode name=c bitrate=2000000 " + properties +
         " ! identity name=i ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! appsink "
         "name=out sync=false")
            .c_str(),
        &error));
    fail_if(error, "%s", error ? error->message : "");
    const auto get = [&](const char *name) {
        return GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
    };
    const auto in = get("in"), element = get("c"), between = get("i"), out = get("out");
    Outcome outcome;
    auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(between.get(), "sink"));
    gst_pad_add_probe(
        pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            auto *o = static_cast<Outcome *>(data);
            GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
            o->caps_events += GST_EVENT_TYPE(event) == GST_EVENT_CAPS;
            if (GST_EVENT_TYPE(event) != GST_EVENT_TAG) return GST_PAD_PROBE_OK;
            GstTagList *tags = nullptr;
            gst_event_parse_tag(event, &tags);
            gchar *text = nullptr;
            if (gst_tag_list_get_string(tags, GST_TAG_IMAGE_ORIENTATION, &text))
                o->orientation = GOwned<>(text).get();
            return GST_PAD_PROBE_OK;
        },
        &outcome, nullptr);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const auto push = [&](int from, const char *tag) {
        if (tag) {
            auto source = GstPtr<GstPad>::adopt(gst_element_get_static_pad(in.get(), "src"));
            GstTagList *tags = gst_tag_list_new(GST_TAG_IMAGE_ORIENTATION, tag, nullptr);
            gst_element_send_event(in.get(), gst_event_new_tag(tags));
        }
        for (int i = from; i < from + 10; ++i) {
            GstFlowReturn flow = GST_FLOW_OK;
            GstBuffer *buffer = quarters(i * 40 * GST_MSECOND);
            g_signal_emit_by_name(in.get(), "push-buffer", buffer, &flow);
            gst_buffer_unref(buffer);
            fail_unless_equals_int(flow, GST_FLOW_OK);
        }
    };
    push(0, orientation);
    if (later) push(10, later);
    GstFlowReturn flow = GST_FLOW_OK;
    g_signal_emit_by_name(in.get(), "end-of-stream", &flow);
    for (;;) {
        GstSample *pulled = nullptr;
        g_signal_emit_by_name(out.get(), "try-pull-sample", 20 * GST_SECOND, &pulled);
        auto sample = GstPtr<GstSample>::adopt(pulled);
        if (!sample) break;
        GstVideoInfo info;
        GstVideoFrame frame;
        fail_unless(gst_video_info_from_caps(&info, gst_sample_get_caps(sample.get())));
        fail_unless(
            gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample.get()), GST_MAP_READ));
        outcome.width = GST_VIDEO_INFO_WIDTH(&info);
        outcome.height = GST_VIDEO_INFO_HEIGHT(&info);
        const auto *luma = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
        const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
        outcome.corners.clear();
        for (const int y : {outcome.height / 4, outcome.height * 3 / 4})
            for (const int x : {outcome.width / 4, outcome.width * 3 / 4})
                // Rounded to the nearest of the four levels.
                outcome.corners.push_back((luma[y * stride + x] - 40 + 25) / 50);
        gst_video_frame_unmap(&frame);
    }
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    while (auto message = GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(
               bus.get(), GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT)))) {
        fail_if(GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR);
        outcome.messages += gst_message_has_name(message.get(), "penstock-copy-or-encode");
    }
    gchar *action = nullptr, *reason = nullptr;
    g_object_get(element.get(), "action", &action, "reason", &reason, nullptr);
    outcome.action = GOwned<>(action).get();
    outcome.reason = GOwned<>(reason).get();
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return outcome;
}

const std::string h264 = "x264enc speed-preset=ultrafast key-int-max=5 ! "
                         "video/x-h264,profile=constrained-baseline ! h264parse ! ";

struct Turn {
    const char *tag, *word;
    bool is_portrait;
    std::vector<int> corners;
};
const std::vector<Turn> turns = {
    {"rotate-90", "90° clockwise", true, {2, 0, 3, 1}},
    {"rotate-180", "180°", false, {3, 2, 1, 0}},
    {"rotate-270", "90° counterclockwise", true, {1, 3, 0, 2}},
    {"flip-rotate-0", "left to right", false, {1, 0, 3, 2}},
    {"flip-rotate-90", "rotated by 90° clockwise", true, {3, 1, 2, 0}},
    {"flip-rotate-180", "top to bottom", false, {2, 3, 0, 1}},
    {"flip-rotate-270", "rotated by 90° counterclockwise", true, {0, 2, 1, 3}},
};

void check_turn(const Turn &turn, const std::string &encoder) {
    const Outcome o = run(encoder, turn.tag);
    fail_unless_equals_string(o.action.c_str(), "encoded by x264enc");
    fail_unless(encoder != h264 || o.reason.find(turn.word) != std::string::npos, "%s: %s",
                turn.tag, o.reason.c_str());
    fail_unless_equals_int(o.width, turn.is_portrait ? height : width);
    fail_unless_equals_int(o.height, turn.is_portrait ? width : height);
    fail_unless(o.corners == turn.corners, "%s: %d %d %d %d", turn.tag, o.corners[0], o.corners[1],
                o.corners[2], o.corners[3]);
    // The output is upright, and no other video preceded it.
    fail_unless_equals_string(o.orientation.c_str(), "rotate-0");
    if (encoder != "") fail_unless_equals_int(o.caps_events, 1);
    if (encoder != "") fail_unless_equals_int(o.messages, 1);
}

} // namespace

GST_START_TEST(test_turned_upright) {
    for (const Turn &turn : turns)
        check_turn(turn, h264);
}
GST_END_TEST

// Streams that have to be encoded anyway, encoded or raw.
GST_START_TEST(test_other_codecs) {
    check_turn(turns[0], "jpegenc ! ");
    check_turn(turns[0], "");
}
GST_END_TEST

GST_START_TEST(test_copied) {
    for (const char *tag : {"rotate-0", static_cast<const char *>(nullptr)}) {
        const Outcome o = run(h264, tag);
        fail_unless_equals_string(o.action.c_str(), "copied");
        fail_unless_equals_string(o.reason.c_str(), "");
        fail_unless_equals_int(o.width, width);
        fail_unless_equals_int(o.messages, 1);
    }
    // mode=never leaves the tag to elements downstream.
    const Outcome o = run(h264, "rotate-90", "mode=never");
    fail_unless_equals_string(o.action.c_str(), "copied");
    fail_unless_equals_string(o.orientation.c_str(), "rotate-90");
}
GST_END_TEST

// The newest tag counts.
GST_START_TEST(test_changes_amid_the_stream) {
    Outcome o = run(h264, nullptr, "latency=low", "rotate-90");
    fail_unless_equals_string(o.action.c_str(), "encoded by x264enc");
    fail_unless_equals_int(o.width, height);
    o = run(h264, "rotate-90", "latency=low", "rotate-0");
    fail_unless_equals_string(o.action.c_str(), "copied");
    fail_unless_equals_int(o.width, width);
    o = run(h264, "rotate-90", "latency=low", "rotate-90");
    fail_unless_equals_int(o.messages, 1);
}
GST_END_TEST

static Suite *orientation_suite() {
    Suite *s = suite_create("orientation");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_turned_upright);
    tcase_add_test(tc, test_other_codecs);
    tcase_add_test(tc, test_copied);
    tcase_add_test(tc, test_changes_amid_the_stream);
    return s;
}
GST_CHECK_MAIN(orientation)
