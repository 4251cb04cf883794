// SPDX-License-Identifier: LGPL-2.1-or-later
// tslivemux: whole datagrams, frequent tables, timestamps, streams without data.
#include "core/mpegts/muxer.h"
#include "gst/ptr.h"

#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#include "check.hpp"
#include "unit/ts_reader.hpp"

using namespace penstock;

namespace {

const std::string picture =
    "videotestsrc num-buffers=100 ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! "
    "x264enc bframes=2 b-adapt=false key-int-max=25 ! h264parse ! ";
const std::string sound = "audiotestsrc num-buffers=172 samplesperbuffer=1024 ! "
                          "audio/x-raw,rate=44100,channels=2 ! avenc_aac ! aacparse ! ";

struct Run {
    std::vector<uint8_t> bytes;
    std::vector<GstClockTime> times;
    std::vector<size_t> keyframes; ///< offsets in `bytes`
    std::set<size_t> ends;         ///< of buffers, in `bytes`
    ts::Stream stream;
};

/// Runs a pipeline to its end. An encoder may start slowly, so `wait` (ns) is long unless it is
/// tested.
Run run(const std::string &line, const char *wait = "10000000000") {
    Run result;
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(
        gst_parse_launch((line + " tslivemux name=mux stream-wait=" + wait +
                          " ! fakesink name=s signal-handoffs=true")
                             .c_str(),
                         &error));
    fail_if(error, "%s", error ? error->message : "");
    auto sink = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "s"));
    g_signal_connect(sink.get(), "handoff",
                     G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *, gpointer data) {
                         auto *r = static_cast<Run *>(data);
                         const size_t at = r->bytes.size();
                         r->bytes.resize(at + gst_buffer_get_size(buffer));
                         gst_buffer_extract(buffer, 0, r->bytes.data() + at, r->bytes.size() - at);
                         const size_t size = r->bytes.size() - at;
                         fail_unless(size > 0 && size <= 1316 && size % 188 == 0, "%zu", size);
                         r->ends.insert(r->bytes.size());
                         r->times.push_back(GST_BUFFER_DTS(buffer));
                         if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
                             r->keyframes.push_back(at);
                     }),
                     &result);
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS, "%s", line.c_str());
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    // Null packets fill the last datagram.
    while (result.bytes.size() >= 188 && result.bytes[result.bytes.size() - 187] == 0x1F &&
           result.bytes[result.bytes.size() - 186] == 0xFF)
        result.bytes.resize(result.bytes.size() - 188);
    std::map<uint16_t, uint8_t> counters;
    result.stream = ts::read(result.bytes, counters);
    return result;
}

} // namespace

GST_START_TEST(test_both) {
    // The muxer has no queues in front of it.
    const Run r = run(picture + "mux.video " + sound + "mux.audio");
    fail_unless(r.stream.types == (std::map<uint16_t, uint8_t>{{0x100, 0x1B}, {0x101, 0x0F}}));
    const auto video = r.stream.of(0x100), audio = r.stream.of(0x101);
    fail_unless_equals_int(video.size(), 100);
    fail_unless(audio.size() >= 172);
    fail_unless(std::is_sorted(r.times.begin(), r.times.end()));
    unsigned keyframes = 0;
    for (size_t i = 0; i < video.size(); ++i) {
        keyframes += video[i].random_access;
        fail_unless(video[i].pcr.has_value());
        fail_unless(video[i].pts >= video[i].dts);
        if (i > 0) fail_unless(video[i].dts > video[i - 1].dts);
    }
    fail_unless_equals_int(keyframes, 4);
    // Video and audio begin together, within the encoders' delays.
    const int64_t apart = int64_t(video[0].pts) - int64_t(audio[0].pts);
    fail_unless(std::abs(apart) < 90 * 100, "%d ticks apart", int(apart));
    // Four seconds of tables, at least every 100 ms and before each keyframe.
    fail_unless(r.stream.tables >= 36, "%u tables", r.stream.tables);
    fail_unless_equals_int(r.keyframes.size(), 4);
}
GST_END_TEST

// The parameter sets come with each keyframe, whatever the input's framing.
GST_START_TEST(test_framings) {
    for (const char *framing : {"avc", "byte-stream"}) {
        const Run r =
            run(picture + "video/x-h264,alignment=au,stream-format=" + framing + " ! mux.video");
        for (const ts::Pes &unit : r.stream.of(0x100)) {
            const std::string bytes(unit.payload.begin(), unit.payload.end());
            const auto has = [&](char type) {
                return bytes.find(std::string("\0\0\1", 3) + type) != std::string::npos;
            };
            if (unit.random_access) fail_unless(has(0x67) && has(0x68) && has(0x65), "%s", framing);
        }
    }
    const Run adts = run(sound + "audio/mpeg,stream-format=adts ! mux.audio");
    fail_unless_equals_int(adts.stream.pcr_pid, 0x101);
}
GST_END_TEST

// A frame's last packet ends a buffer, so that a sender need not wait for another one.
GST_START_TEST(test_pictures_end) {
    const Run r = run(picture + "mux.video " + sound + "mux.audio");
    unsigned pictures = 0, shorter = 0;
    size_t before = 0;
    for (const size_t end : r.ends) {
        shorter += end - before < 1316;
        before = end;
    }
    // Before a packet that begins a frame, the frame before must have ended a buffer.
    for (size_t at = 0; at + 188 <= r.bytes.size(); at += 188) {
        const unsigned pid = (r.bytes[at + 1] & 0x1F) << 8 | r.bytes[at + 2];
        if (pid != 0x100 || !(r.bytes[at + 1] & 0x40)) continue;
        size_t last = at; // where the video packet in front ends
        const auto is_video = [&](size_t end) {
            return ((r.bytes[end - 187] & 0x1F) << 8 | r.bytes[end - 186]) == 0x100;
        };
        while (last >= 188 && !is_video(last))
            last -= 188;
        if (++pictures > 1) fail_unless(r.ends.contains(last), "picture %u", pictures);
    }
    fail_unless_equals_int(pictures, 100);
    fail_unless(shorter > 50, "%u", shorter);
}
GST_END_TEST

// A pad without data: the other stream continues, and the program does not list the pad.
GST_START_TEST(test_silent_pad) {
    const Run r = run("fakesrc num-buffers=0 ! copyorencode ! mux.audio " + picture + "mux.video");
    fail_unless_equals_int(r.stream.types.size(), 1);
    fail_unless_equals_int(r.stream.of(0x100).size(), 100);
}
GST_END_TEST

// From a file, audio can be seconds ahead before an encoder outputs its first frame.
GST_START_TEST(test_slow_to_begin) {
    const Run r = run("videotestsrc num-buffers=100 ! "
                      "video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! "
                      "identity sleep-time=20000 ! x264enc tune=zerolatency ! queue "
                      "min-threshold-buffers=25 ! h264parse ! mux.video " +
                          sound + "mux.audio",
                      "3000000000");
    const auto video = r.stream.of(0x100), audio = r.stream.of(0x101);
    fail_unless_equals_int(video.size(), 100);
    fail_unless(std::abs(int64_t(video[0].pts) - int64_t(audio[0].pts)) < 90 * 100);
}
GST_END_TEST

// An encoder sends an allocation query before its first frame determines its caps. By then the
// audio may have ended while the muxer waits for video by the clock: the query must not wait as
// well.
GST_START_TEST(test_asks_while_waited_for) {
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(
        gst_parse_launch(("appsrc name=encoder ! mux.video " + sound +
                          "mux.audio tslivemux name=mux stream-wait=10000000000 ! fakesink")
                             .c_str(),
                         &error));
    fail_if(error, "%s", error ? error->message : "");
    auto encoder =
        GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "encoder"));
    auto mux = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "mux"));
    auto audio = GstPtr<GstPad>::adopt(gst_element_get_static_pad(mux.get(), "audio"));
    std::promise<void> sound_over;
    gst_pad_add_probe(
        audio.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS)
                static_cast<std::promise<void> *>(data)->set_value();
            return GST_PAD_PROBE_OK;
        },
        &sound_over, nullptr);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    sound_over.get_future().wait();
    // No event tells that the muxer waits by the clock.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));

    const auto asked = std::chrono::steady_clock::now();
    auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(encoder.get(), "src"));
    auto question = GstPtr<GstQuery>::adopt(gst_query_new_allocation(nullptr, FALSE));
    gst_pad_peer_query(out.get(), question.get());
    const auto took = std::chrono::steady_clock::now() - asked;
    fail_unless(took < std::chrono::seconds(5), "the answer took %lld ms",
                static_cast<long long>(took / std::chrono::milliseconds(1)));

    // No video comes at all: the audio is sent when the wait ends, at the latest here.
    g_object_set(mux.get(), "stream-wait", guint64(1), nullptr);
    GstFlowReturn flow;
    g_signal_emit_by_name(encoder.get(), "end-of-stream", &flow);
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 5 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}
GST_END_TEST

GST_START_TEST(test_opus) {
    const Run r = run("audiotestsrc num-buffers=50 ! audio/x-raw,rate=48000,channels=1 ! opusenc ! "
                      "mux.audio");
    fail_unless(r.stream.types == (std::map<uint16_t, uint8_t>{{0x101, 0x06}}));
    const auto audio = r.stream.of(0x101);
    fail_unless(audio.size() >= 50 && audio[0].stream_id == 0xBD);
    for (const auto &unit : audio) {
        fail_unless(unit.payload.size() > 3 && unit.payload[0] == 0x7F && unit.payload[1] == 0xE0);
        if (unit.payload[2] < 255)
            fail_unless_equals_uint64(unit.payload[2], unit.payload.size() - 3);
    }
}
GST_END_TEST

static Suite *tslivemux_suite() {
    Suite *s = suite_create("tslivemux");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_both);
    tcase_add_test(tc, test_framings);
    tcase_add_test(tc, test_pictures_end);
    tcase_add_test(tc, test_silent_pad);
    tcase_add_test(tc, test_slow_to_begin);
    tcase_add_test(tc, test_asks_while_waited_for);
    tcase_add_test(tc, test_opus);
    return s;
}
GST_CHECK_MAIN(tslivemux)
