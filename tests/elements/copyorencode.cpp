// SPDX-License-Identifier: LGPL-2.1-or-later
// copyorencode: what is copied and what is encoded, changes within a stream, streams without data.
#include "gst/nonblocking.h"
#include "gst/ptr.h"

#include <algorithm>
#include <cstdlib>

#include "check.hpp"
#include "elements/stats.hpp"

using namespace penstock;

namespace {

GstPtr<GstElement> launch(const std::string &line) {
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
    fail_if(error, "%s", error ? error->message : "");
    return pipeline;
}

struct Result {
    std::string action; ///< as the message says it
    std::string error;
    GstPtr<GstCaps> caps; ///< what the sink got
    std::vector<GstClockTime> keyframes;
    unsigned buffers = 0;
};

/// Runs `SOURCE ! copyorencode PROPERTIES ! fakesink` to its end.
Result run(const std::string &source, const std::string &properties) {
    Result result;
    auto pipeline = launch(source + " ! copyorencode name=c " + properties +
                           " ! fakesink name=s signal-handoffs=true");
    auto sink = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "s"));
    auto element = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "c"));
    g_signal_connect(sink.get(), "handoff",
                     G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
                         auto *r = static_cast<Result *>(data);
                         ++r->buffers;
                         if (!r->caps)
                             r->caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
                         if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
                             r->keyframes.push_back(GST_BUFFER_PTS(buffer));
                     }),
                     &result);
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    for (;;) {
        auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus.get(), 30 * GST_SECOND,
            GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT)));
        fail_unless(message, "%s never ends", source.c_str());
        if (gst_message_has_name(message.get(), "penstock-copy-or-encode")) {
            const GstStructure *s = gst_message_get_structure(message.get());
            result.action += (result.action.empty() ? "" : ", ");
            result.action += gst_structure_get_string(s, "action");
            gchar *now = nullptr;
            g_object_get(element.get(), "action", &now, nullptr);
            fail_unless(GOwned<>(now) != nullptr);
        }
        if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
            GError *error = nullptr;
            gst_message_parse_error(message.get(), &error, nullptr);
            result.error = error->message;
            g_error_free(error);
            break;
        }
        if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS) break;
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return result;
}

bool is(const Result &result, const char *caps) {
    const auto wanted = GstPtr<GstCaps>::adopt(gst_caps_from_string(caps));
    return result.caps && gst_caps_is_always_compatible(result.caps.get(), wanted.get());
}

const std::string picture = "videotestsrc num-buffers=60 ! "
                            "video/x-raw,format=I420,width=160,height=120,framerate=25/1";
const std::string sound = "audiotestsrc num-buffers=40 ! audio/x-raw,rate=44100,channels=2";

} // namespace

GST_START_TEST(test_copied) {
    const Result video = run(picture + " ! x264enc key-int-max=25 ! video/x-h264,profile=main", "");
    fail_unless_equals_string(video.action.c_str(), "copied");
    fail_unless_equals_int(video.buffers, 60);
    fail_unless(is(video, "video/x-h264,parsed=true,profile=main"));
    const Result audio = run(sound + " ! avenc_aac", "codec=aac mode=never");
    fail_unless_equals_string(audio.action.c_str(), "copied");
    fail_unless(is(audio, "audio/mpeg,mpegversion=4,framed=true"));
}
GST_END_TEST

GST_START_TEST(test_encoded) {
    // Raw input; a keyframe every 400 ms, which are 10 frames.
    const Result video = run(picture, "keyframe-interval=400000000 latency=low bitrate=300000");
    fail_unless_equals_string(video.action.c_str(), "encoded by x264enc");
    fail_unless(is(video, "video/x-h264,parsed=true"));
    fail_unless_equals_int(video.buffers, 60);
    fail_unless_equals_int(video.keyframes.size(), 6);
    for (size_t i = 1; i < video.keyframes.size(); ++i)
        fail_unless_equals_uint64(video.keyframes[i] - video.keyframes[i - 1], 400 * GST_MSECOND);
    // Input of another codec, and of the right one in a profile that hardly any player can decode.
    for (const char *encoder : {"jpegenc", "x264enc ! video/x-h264,profile=high-4:4:4"}) {
        const std::string format = strstr(encoder, "4:4:4") ? "Y444" : "I420";
        const Result other = run("videotestsrc num-buffers=20 ! video/x-raw,format=" + format +
                                     ",width=160,height=120 ! " + encoder,
                                 "");
        fail_unless(other.action.starts_with("encoded by"), "%s: %s", encoder,
                    other.action.c_str());
        fail_unless(is(other, "video/x-h264,parsed=true"));
        fail_unless_equals_int(other.buffers, 20);
    }
    const Result audio = run(sound, "");
    fail_unless(audio.action.starts_with("encoded by"), "%s", audio.action.c_str());
    fail_unless(is(audio, "audio/mpeg,mpegversion=4"));
    // mode=always encodes it.
    const Result again = run(picture + " ! x264enc", "mode=always");
    fail_unless_equals_string(again.action.c_str(), "encoded by x264enc");
}
GST_END_TEST

// Codecs of MPEG-TS are copied, parsed or not; others become AAC.
GST_START_TEST(test_aac_or_mp3) {
    const std::string mono = "audiotestsrc num-buffers=40 ! audio/x-raw,rate=8000,channels=1";
    struct {
        std::string source;
        const char *caps;
        bool copied;
    } const cases[] = {
        {sound + " ! avenc_aac ! aacparse", "audio/mpeg,mpegversion=4,framed=true", true},
        {sound + " ! avenc_aac", "audio/mpeg,mpegversion=4,framed=true", true},
        {sound + " ! lamemp3enc ! mpegaudioparse", "audio/mpeg,mpegversion=1,parsed=true", true},
        {sound + " ! lamemp3enc", "audio/mpeg,mpegversion=1,parsed=true", true},
        {mono + " ! alawenc", "audio/mpeg,mpegversion=4,rate=8000", false},
        {mono + " ! mulawenc", "audio/mpeg,mpegversion=4,rate=8000", false},
        {sound, "audio/mpeg,mpegversion=4,rate=44100", false},
    };
    for (const auto &c : cases) {
        const Result result = run(c.source, "codec=aac-or-mp3");
        fail_unless_equals_int(result.action == "copied", c.copied);
        fail_unless(is(result, c.caps), "%s: %" GST_PTR_FORMAT, c.source.c_str(),
                    result.caps.get());
        fail_unless(result.buffers > 4, "%s: %u", c.source.c_str(), result.buffers);
    }
}
GST_END_TEST

// A copy without a parser links the pads directly, also for events and queries such as whether
// anything downstream may block. This changes amid the stream.
GST_START_TEST(test_direct) {
    GstHarness *h = gst_harness_new("copyorencode");
    gst_util_set_object_arg(G_OBJECT(h->element), "codec", "aac-or-mp3");
    fail_if(peer_is_nonblocking(h->srcpad));
    gst_pad_set_query_function(h->sinkpad, [](GstPad *pad, GstObject *parent, GstQuery *query) {
        if (!is_nonblocking_query(query)) return gst_pad_query_default(pad, parent, query);
        answer_nonblocking(query, true);
        return gboolean(TRUE);
    });
    fail_if(peer_is_nonblocking(h->srcpad));
    gst_harness_set_src_caps_str(h, "audio/mpeg,mpegversion=1,layer=3,parsed=true,rate=44100,"
                                    "channels=2");
    fail_unless(peer_is_nonblocking(h->srcpad));
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 100, nullptr);
    GST_BUFFER_PTS(buffer) = 5 * GST_SECOND;
    fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    const auto pulled = GstPtr<GstBuffer>::adopt(gst_harness_pull(h));
    fail_unless(pulled.get() == buffer, "the buffer itself");
    std::vector<GstEventType> types;
    while (auto event = GstPtr<GstEvent>::adopt(gst_harness_try_pull_event(h)))
        types.push_back(GST_EVENT_TYPE(event.get()));
    fail_unless(types == std::vector<GstEventType>(
                             {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT}),
                "%zu events", types.size());
    gst_harness_set_upstream_latency(h, 50 * GST_MSECOND);
    fail_unless_equals_uint64(gst_harness_query_latency(h), 50 * GST_MSECOND);
    fail_unless(gst_harness_push_upstream_event(
        h, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty("x"))));
    // G.711 has to be encoded, which takes time.
    gst_harness_set_src_caps_str(h, "audio/x-alaw,rate=8000,channels=1");
    fail_if(peer_is_nonblocking(h->srcpad));
    for (guint64 i = 0; i < 50; ++i) {
        buffer = gst_buffer_new_allocate(nullptr, 320, nullptr);
        gst_buffer_memset(buffer, 0, 0xD5, 320);
        GST_BUFFER_PTS(buffer) = (5100 + 40 * i) * GST_MSECOND;
        fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    }
    const auto encoded = GstPtr<GstBuffer>::adopt(gst_harness_pull(h));
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(h->sinkpad));
    int version = 0;
    gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "mpegversion", &version);
    fail_unless_equals_int(version, 4);
    // The stream returns to a codec that is copied.
    gst_harness_set_src_caps_str(h, "audio/mpeg,mpegversion=1,layer=3,parsed=true,rate=48000,"
                                    "channels=2");
    fail_unless(peer_is_nonblocking(h->srcpad));
    fail_unless_equals_int(gst_harness_push(h, gst_buffer_new_allocate(nullptr, 100, nullptr)),
                           GST_FLOW_OK);
    gst_harness_teardown(h);
}
GST_END_TEST

// Buffer lists, as depayloaders push them: every buffer arrives, in order and counted, whether the
// stream is passed on as it is, parsed or encoded.
GST_START_TEST(test_buffer_lists) {
    constexpr unsigned lists = 4, in_a_list = 5, count = lists * in_a_list;
    constexpr GstClockTime step = 20 * GST_MSECOND;
    struct Case {
        const char *codec, *caps;
        bool is_copied;
    };
    constexpr Case cases[] = {
        {"aac-or-mp3", "audio/mpeg,mpegversion=1,layer=3,parsed=true,rate=44100,channels=2", true},
        {"aac",
         "audio/mpeg,mpegversion=4,stream-format=raw,framed=true,rate=44100,channels=2,"
         "codec_data=(buffer)1210",
         true},
        {"aac", "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1", false},
    };
    for (const Case &c : cases) {
        GstHarness *h = gst_harness_new("copyorencode");
        gst_util_set_object_arg(G_OBJECT(h->element), "codec", c.codec);
        gst_harness_set_src_caps_str(h, c.caps);
        for (unsigned pushed = 0; pushed < count;) {
            GstBufferList *list = gst_buffer_list_new();
            for (unsigned i = 0; i < in_a_list; ++i, ++pushed) {
                GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 1920, nullptr); // 20 ms raw
                gst_buffer_memset(buffer, 0, guint8(pushed), 1920);
                GST_BUFFER_PTS(buffer) = pushed * step;
                GST_BUFFER_DURATION(buffer) = step;
                gst_buffer_list_add(list, buffer);
            }
            fail_unless_equals_int(gst_pad_push_list(h->srcpad, list), GST_FLOW_OK);
        }
        gst_harness_push_event(h, gst_event_new_eos());
        unsigned pulled = 0;
        GstClockTime end = 0;
        while (auto buffer = GstPtr<GstBuffer>::adopt(gst_harness_try_pull(h))) {
            guint8 content = 0;
            gst_buffer_extract(buffer.get(), 0, &content, 1);
            if (c.is_copied) {
                fail_unless_equals_int(content, pulled);
                fail_unless_equals_uint64(GST_BUFFER_PTS(buffer.get()), pulled * step);
            }
            fail_unless(pulled == 0 || GST_BUFFER_PTS(buffer.get()) + step > end);
            end = GST_BUFFER_PTS(buffer.get()) + GST_BUFFER_DURATION(buffer.get());
            ++pulled;
        }
        fail_unless(end >= count * step, "%s: ends at %" G_GUINT64_FORMAT, c.caps, end);
        if (c.is_copied) fail_unless_equals_int(pulled, count);
        fail_unless_equals_uint64(penstock_test::stat(h->element, "buffers-in"), count);
        fail_unless_equals_uint64(penstock_test::stat(h->element, "bytes-in"), count * 1920);
        fail_unless_equals_uint64(penstock_test::stat(h->element, "buffers-out"), pulled);
        gst_harness_teardown(h);
    }
}
GST_END_TEST

GST_START_TEST(test_refused) {
    fail_unless(run(picture, "mode=never").error.find("mode=never") != std::string::npos);
    fail_unless(run(picture, "codec=aac").error.find("codec") != std::string::npos);
    fail_unless(run(sound, "codec=h264").error.find("codec") != std::string::npos);
}
GST_END_TEST

// Odd dimensions, which 4:2:0 does not have.
GST_START_TEST(test_odd_size) {
    const Result result = run("videotestsrc num-buffers=10 ! video/x-raw,format=Y444,width=161,"
                              "height=121,framerate=25/1 ! jpegenc",
                              "");
    fail_unless_equals_string(result.error.c_str(), "");
    fail_unless_equals_int(result.buffers, 10);
    int width = 0, height = 0;
    const GstStructure *s = gst_caps_get_structure(result.caps.get(), 0);
    gst_structure_get_int(s, "width", &width);
    gst_structure_get_int(s, "height", &height);
    fail_unless(width == 160 || width == 162, "%d", width);
    fail_unless(height == 120 || height == 122, "%d", height);
}
GST_END_TEST

// Matroska has no decoding times: B-frames get calculated ones. Existing ones are kept.
GST_START_TEST(test_decoding_times) {
    struct Times {
        std::vector<int64_t> pts, dts;
    };
    const auto play = [](const std::string &encoder, const std::string &container) {
        auto pipeline = launch("videotestsrc num-buffers=60 ! video/x-raw,format=I420,width=160,"
                               "height=120,framerate=25/1 ! x264enc key-int-max=25 " +
                               encoder + " ! " + container +
                               " copyorencode mode=never ! fakesink name=s signal-handoffs=true");
        auto sink = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "s"));
        Times times;
        g_signal_connect(
            sink.get(), "handoff",
            G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
                auto event =
                    GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
                const GstSegment *segment = nullptr;
                gst_event_parse_segment(event.get(), &segment);
                const auto running = [segment](GstClockTime time) {
                    guint64 value = 0;
                    const int sign =
                        gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, time, &value);
                    return sign == 0 ? INT64_MIN : sign * int64_t(value);
                };
                auto *t = static_cast<Times *>(data);
                t->pts.push_back(running(GST_BUFFER_PTS(buffer)));
                t->dts.push_back(GST_BUFFER_DTS_IS_VALID(buffer) ? running(GST_BUFFER_DTS(buffer))
                                                                 : INT64_MIN);
            }),
            &times);
        auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus.get(), 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
        fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
        fail_unless_equals_int(times.pts.size(), 60);
        return times;
    };
    const std::string matroska = "h264parse ! matroskamux ! matroskademux !";
    for (const char *encoder :
         {"bframes=2 b-adapt=false", "bframes=3 b-adapt=false b-pyramid=true"}) {
        const Times with = play(encoder, ""), without = play(encoder, matroska);
        bool is_reordered = false;
        for (size_t i = 0; i < 60; ++i) {
            // Matroska counts milliseconds, from the first frame on.
            const int64_t moved = (without.pts[i] - without.pts[0]) - (with.pts[i] - with.pts[0]);
            fail_unless(std::abs(moved) <= int64_t(GST_MSECOND), "%zu", i);
            fail_unless(without.pts[0] >= 0 && without.pts[0] < int64_t(GST_SECOND));
            fail_unless(without.dts[i] != INT64_MIN && without.dts[i] <= without.pts[i], "%zu", i);
            fail_if(i > 0 && without.dts[i] <= without.dts[i - 1], "%zu", i);
            is_reordered |= i > 0 && without.pts[i] < without.pts[i - 1];
            const int64_t delay = (without.pts[i] - without.dts[i]) - (with.pts[i] - with.dts[i]);
            fail_unless(std::abs(delay) <= 2 * int64_t(GST_MSECOND), "%zu: %" G_GINT64_FORMAT " ns",
                        i, delay);
        }
        fail_unless(is_reordered);
    }
    // Without B-frames a missing decoding time may stay missing.
    const Times plain = play("bframes=0", matroska);
    for (size_t i = 1; i < 60; ++i)
        fail_unless(plain.pts[i] > plain.pts[i - 1]);
}
GST_END_TEST

// From raw to H.264 and back, in one harness.
GST_START_TEST(test_renegotiation) {
    GstHarness *h = gst_harness_new("copyorencode");
    g_object_set(h->element, "latency", 1, nullptr);
    gst_harness_set_src_caps_str(h, "audio/x-raw,format=S16LE,layout=interleaved,rate=44100,"
                                    "channels=1");
    const auto push_raw = [&](int index) {
        GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 2 * 4410, nullptr);
        gst_buffer_memset(buffer, 0, 0, 2 * 4410);
        GST_BUFFER_PTS(buffer) = index * 100 * GST_MSECOND;
        GST_BUFFER_DURATION(buffer) = 100 * GST_MSECOND;
        return gst_harness_push(h, buffer);
    };
    for (int i = 0; i < 10; ++i)
        fail_unless_equals_int(push_raw(i), GST_FLOW_OK);
    gchar *action = nullptr;
    g_object_get(h->element, "action", &action, nullptr);
    fail_unless(g_str_has_prefix(action, "encoded by"), "%s", action);
    g_free(action);

    gst_harness_set_src_caps_str(h, "audio/mpeg,mpegversion=4,stream-format=raw,framed=true,"
                                    "rate=44100,channels=2,codec_data=(buffer)1210");
    GstBuffer *frame = gst_buffer_new_memdup("\x21\x10\x05", 3);
    GST_BUFFER_PTS(frame) = GST_SECOND;
    fail_unless_equals_int(gst_harness_push(h, frame), GST_FLOW_OK);
    g_object_get(h->element, "action", &action, nullptr);
    fail_unless_equals_string(action, "copied");
    g_free(action);
    gst_harness_teardown(h);
}
GST_END_TEST

// Two passes of a second of audio, of which the second begins too early: the overlap is cut off,
// and encoded audio continues without a step. A step back that does not come from a loop is kept.
GST_START_TEST(test_overlap) {
    struct Case {
        GstClockTime early, buffer;
        bool is_cut;
    };
    constexpr Case cases[] = {{0, 100 * GST_MSECOND, true},
                              {GST_MSECOND, 100 * GST_MSECOND, true},
                              {10 * GST_MSECOND, 100 * GST_MSECOND, true},
                              // Two buffers and a part of the third.
                              {25 * GST_MSECOND, 10 * GST_MSECOND, true},
                              {200 * GST_MSECOND, 100 * GST_MSECOND, true},
                              {800 * GST_MSECOND, 100 * GST_MSECOND, false}};
    for (const Case &c : cases) {
        constexpr gsize rate = 48000;
        GstHarness *h = gst_harness_new("copyorencode");
        gst_harness_set_src_caps_str(h, "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,"
                                        "channels=1");
        const gsize size = 2 * gst_util_uint64_scale(c.buffer, rate, GST_SECOND);
        for (const GstClockTime pass : {GstClockTime(0), GST_SECOND - c.early})
            for (GstClockTime at = 0; at < GST_SECOND; at += c.buffer) {
                GstBuffer *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
                gst_buffer_memset(buffer, 0, 0, size);
                GST_BUFFER_PTS(buffer) = pass + at;
                GST_BUFFER_DURATION(buffer) = c.buffer;
                fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
            }
        gst_harness_push_event(h, gst_event_new_eos());
        int64_t end = 0, farthest = 0;
        bool has_begun = false;
        while (auto frame = GstPtr<GstBuffer>::adopt(gst_harness_try_pull(h))) {
            const auto pts = int64_t(GST_BUFFER_PTS(frame.get()));
            if (has_begun) farthest = std::max(farthest, end - pts);
            has_begun = true;
            end = pts + int64_t(GST_BUFFER_DURATION(frame.get()));
        }
        const auto expected = int64_t(2 * GST_SECOND - c.early);
        // The encoder pads its last frame, and its first one primes the decoder.
        fail_unless(std::abs(end - expected) < 60 * GST_MSECOND,
                    "early by %" G_GUINT64_FORMAT ": ends at %" G_GINT64_FORMAT, c.early, end);
        fail_unless((farthest <= int64_t(2 * GST_MSECOND)) == c.is_cut,
                    "early by %" G_GUINT64_FORMAT ": a step back of %" G_GINT64_FORMAT, c.early,
                    farthest);
        gst_harness_teardown(h);
    }
}
GST_END_TEST

// A pad that is never linked counts as ended, so that a muxer need not wait; EOS without data
// passes.
GST_START_TEST(test_no_stream) {
    auto pipeline = launch("copyorencode stream-wait=100000000 ! fakesink");
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 10 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);

    GstHarness *h = gst_harness_new("copyorencode");
    gst_harness_push_event(h, gst_event_new_stream_start("x"));
    gst_harness_push_event(h, gst_event_new_eos());
    bool ended = false;
    while (auto event = GstPtr<GstEvent>::adopt(gst_harness_try_pull_event(h)))
        ended |= GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS;
    fail_unless(ended);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_states_and_queries) {
    auto element = GstPtr<GstElement>::adopt(
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("copyorencode", nullptr))));
    for (int round = 0; round < 5; ++round)
        for (GstState state :
             {GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_PLAYING, GST_STATE_NULL})
            fail_if(gst_element_set_state(element.get(), state) == GST_STATE_CHANGE_FAILURE);
    auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element.get(), "sink"));
    auto any = GstPtr<GstCaps>::adopt(gst_pad_query_caps(pad.get(), nullptr));
    fail_unless(gst_caps_is_any(any.get()));
    pad.reset();
    ASSERT_OBJECT_REFCOUNT(element.get(), "copyorencode", 1);
}
GST_END_TEST

static Suite *copyorencode_suite() {
    Suite *s = suite_create("copyorencode");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_copied);
    tcase_add_test(tc, test_encoded);
    tcase_add_test(tc, test_aac_or_mp3);
    tcase_add_test(tc, test_direct);
    tcase_add_test(tc, test_buffer_lists);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_odd_size);
    tcase_add_test(tc, test_decoding_times);
    tcase_add_test(tc, test_renegotiation);
    tcase_add_test(tc, test_overlap);
    tcase_add_test(tc, test_no_stream);
    tcase_add_test(tc, test_states_and_queries);
    return s;
}
GST_CHECK_MAIN(copyorencode)
