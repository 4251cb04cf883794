// SPDX-License-Identifier: LGPL-2.1-or-later
// copyorencode b-frames=false: what is copied, held, encoded; and the bitrate of what is encoded.
#include "gst/ptr.h"

#include <string>
#include <vector>

#include "check.hpp"
#include "elements/stats.hpp"

using namespace penstock;

namespace {

using Frames = std::vector<GstPtr<GstBuffer>>;

constexpr GstClockTime step = 40 * GST_MSECOND;
constexpr const char *byte_stream = "video/x-h264,stream-format=(string)byte-stream,"
                                    "alignment=(string)au,width=(int)160,height=(int)120,"
                                    "framerate=(fraction)25/1";

/// Encodes test pictures with a keyframe each 25. Sets `caps` to those of the frames.
Frames encoded(unsigned count, const std::string &settings, const char *format,
               GstPtr<GstCaps> &caps) {
    const std::string line =
        "videotestsrc num-buffers=" + std::to_string(count) +
        " pattern=snow ! "
        "video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! x264enc "
        "key-int-max=25 speed-preset=ultrafast b-adapt=false " +
        settings + " ! video/x-h264,alignment=au,stream-format=" + format + " ! fakesink name=s";
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), nullptr));
    fail_unless(pipeline);
    struct Got {
        Frames frames;
        GstPtr<GstCaps> caps;
    } got;
    auto sink = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "s"));
    g_object_set(sink.get(), "signal-handoffs", TRUE, nullptr);
    g_signal_connect(sink.get(), "handoff",
                     G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
                         auto *to = static_cast<Got *>(data);
                         to->frames.push_back(GstPtr<GstBuffer>::adopt(gst_buffer_copy(buffer)));
                         to->caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
                     }),
                     &got);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    const auto end = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(end && GST_MESSAGE_TYPE(end.get()) == GST_MESSAGE_EOS);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    fail_unless_equals_int(got.frames.size(), count);
    // The encoder begins at an hour, to have room for decoding times.
    const GstClockTime first = GST_BUFFER_DTS(got.frames.front().get());
    for (auto &frame : got.frames) {
        GST_BUFFER_PTS(frame.get()) -= first;
        GST_BUFFER_DTS(frame.get()) -= first;
    }
    caps = std::move(got.caps);
    return std::move(got.frames);
}

class Bench {
public:
    explicit Bench(GstCaps *caps) : harness_(gst_harness_new("copyorencode")) {
        g_object_set(harness_->element, "b-frames", FALSE, nullptr);
        gst_util_set_object_arg(G_OBJECT(harness_->element), "latency", "low");
        gst_util_set_object_arg(G_OBJECT(harness_->element), "codec", "accepted");
        gst_harness_set_src_caps(harness_, gst_caps_ref(caps));
    }
    ~Bench() { gst_harness_teardown(harness_); }
    Bench(const Bench &) = delete;
    Bench &operator=(const Bench &) = delete;

    GstElement *element() const { return harness_->element; }
    void push(const Frames &frames, GstClockTime later = 0) {
        for (const auto &frame : frames) {
            GstBuffer *copy = gst_buffer_copy(frame.get());
            GST_BUFFER_PTS(copy) += later;
            GST_BUFFER_DTS(copy) += later;
            fail_unless_equals_int(gst_harness_push(harness_, copy), GST_FLOW_OK);
        }
    }
    void end() { fail_unless(gst_harness_push_event(harness_, gst_event_new_eos())); }
    std::string text(const char *property) const {
        gchar *value = nullptr;
        g_object_get(harness_->element, property, &value, nullptr);
        const GOwned<> owned(value);
        return value;
    }
    /// Whatever has come out; fails unless it is in the order of its timestamps.
    Frames pull() {
        Frames out;
        while (auto buffer = GstPtr<GstBuffer>::adopt(gst_harness_try_pull(harness_))) {
            fail_unless(out.empty() ||
                        GST_BUFFER_PTS(out.back().get()) < GST_BUFFER_PTS(buffer.get()));
            out.push_back(std::move(buffer));
        }
        return out;
    }

private:
    GstHarness *harness_;
};

bool is_keyframe(const GstPtr<GstBuffer> &frame) {
    return !GST_BUFFER_FLAG_IS_SET(frame.get(), GST_BUFFER_FLAG_DELTA_UNIT);
}

} // namespace

GST_START_TEST(test_b_frames) {
    for (const char *format : {"avc", "byte-stream"}) {
        GstPtr<GstCaps> caps;
        const Frames frames = encoded(30, "bframes=2", format, caps);
        Bench bench(caps.get());
        bench.push(frames);
        bench.end();
        fail_unless(bench.text("action").starts_with("encoded by"), "%s",
                    bench.text("action").c_str());
        fail_unless_equals_string(bench.text("reason").c_str(), "it has B-frames");
        fail_unless_equals_int(bench.pull().size(), 30);
    }
}
GST_END_TEST

GST_START_TEST(test_none) {
    for (const char *format : {"avc", "byte-stream"}) {
        GstPtr<GstCaps> caps;
        const Frames frames = encoded(30, "bframes=0", format, caps);
        Bench bench(caps.get());
        bench.push({frames.begin(), frames.begin() + 2});
        // Parameter sets that exclude B-frames are believed, where they are known.
        const bool is_known = std::string(format) == "avc";
        fail_unless_equals_string(bench.text("action").c_str(), is_known ? "copied" : "");
        bench.push({frames.begin() + 2, frames.end()});
        bench.end();
        fail_unless_equals_string(bench.text("action").c_str(), "copied");
        const Frames out = bench.pull();
        fail_unless_equals_int(out.size(), 30);
        for (size_t i = 0; i < out.size(); ++i) {
            fail_unless(GST_BUFFER_PTS(out[i].get()) == GST_BUFFER_PTS(frames[i].get()));
            fail_unless(GST_BUFFER_DTS(out[i].get()) == GST_BUFFER_DTS(frames[i].get()));
        }
    }
}
GST_END_TEST

// Frames that are held come out at the end of a short stream, and before new caps.
GST_START_TEST(test_held) {
    GstPtr<GstCaps> caps;
    const Frames frames = encoded(5, "bframes=0", "byte-stream", caps);
    Bench bench(caps.get());
    bench.push(frames);
    fail_unless(bench.pull().empty());
    bench.end();
    fail_unless_equals_string(bench.text("action").c_str(), "copied");
    fail_unless_equals_int(bench.pull().size(), 5);
}
GST_END_TEST

// A stream that is copied and then has B-frames goes on, encoded, with its next keyframe.
GST_START_TEST(test_later) {
    GstPtr<GstCaps> ignored;
    const auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(byte_stream));
    const Frames before = encoded(25, "bframes=0", "byte-stream", ignored);
    Frames after = encoded(75, "bframes=2", "byte-stream", ignored);
    // The first frame does not show it yet.
    GST_BUFFER_DTS(after[0].get()) = GST_BUFFER_PTS(after[0].get());
    Bench bench(caps.get());
    bench.push(before);
    fail_unless_equals_string(bench.text("action").c_str(), "copied");
    fail_unless_equals_int(bench.pull().size(), 25);
    bench.push(after, 25 * step);
    bench.end();
    fail_unless(bench.text("action").starts_with("encoded by"));
    const Frames out = bench.pull();
    // Those of the second and third GOP, and the keyframe that was copied.
    fail_unless_equals_int(out.size(), 1 + 50);
    fail_unless(is_keyframe(out[0]) && is_keyframe(out[1]));
    fail_unless_equals_uint64(penstock_test::stat(bench.element(), "drops"), 24);
}
GST_END_TEST

GST_START_TEST(test_source_bitrate) {
    GstPtr<GstCaps> caps;
    const Frames frames = encoded(150, "bframes=2 bitrate=600 vbv-buf-capacity=300", "avc", caps);
    guint64 bytes = 0;
    for (const auto &frame : frames)
        bytes += gst_buffer_get_size(frame.get());
    const double source = double(bytes) * 8 / (150 * 0.04) / 1000;
    Bench bench(caps.get());
    g_object_set(bench.element(), "source-bitrate", TRUE, nullptr);
    bench.push(frames);
    const auto encoder = GstPtr<GstElement>::adopt(
        gst_bin_get_by_interface(GST_BIN(bench.element()), GST_TYPE_PRESET));
    guint bitrate = 0;
    if (encoder) g_object_get(encoder.get(), "bitrate", &bitrate, nullptr);
    fail_unless(bitrate > source * 0.7 && bitrate < source * 1.3, "%u of %f kbit/s", bitrate,
                source);
    bench.end();
    fail_unless_equals_int(bench.pull().size(), 150);
}
GST_END_TEST

static Suite *copyorencode_frames_suite() {
    Suite *s = suite_create("copyorencode_frames");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_b_frames);
    tcase_add_test(tc, test_none);
    tcase_add_test(tc, test_held);
    tcase_add_test(tc, test_later);
    tcase_add_test(tc, test_source_bitrate);
    return s;
}
GST_CHECK_MAIN(copyorencode_frames)
