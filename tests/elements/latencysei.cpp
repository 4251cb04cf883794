// SPDX-License-Identifier: LGPL-2.1-or-later
// latencysei: stamps survive encoded streams and containers; frames without stamps are unchanged.
#include "core/latency/sei.h"
#include "gst/nonblocking.h"
#include "gst/ptr.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::latency;
using samples::from_hex;

namespace {

constexpr const char *avc_caps = "video/x-h264,stream-format=avc,alignment=au,codec_data=(buffer)"
                                 "0164000cffe1001a6764000cacd941419f9f01100000030010000003"
                                 "0320f142996001000668ebe3cb22c0fdf8f800";

struct HarnessTeardown {
    void operator()(GstHarness *h) const { gst_harness_teardown(h); }
};
using Harness = std::unique_ptr<GstHarness, HarnessTeardown>;

Harness harness(const char *line, const std::string &caps) {
    Harness h(gst_harness_new_parse(line));
    gst_harness_set_src_caps_str(h.get(), caps.c_str());
    return h;
}

GstBuffer *frame(const std::vector<uint8_t> &bytes, GstClockTime pts = 0) {
    GstBuffer *buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
    return buffer;
}

std::vector<uint8_t> bytes_of_buffer(GstBuffer *buffer) {
    std::vector<uint8_t> out(gst_buffer_get_size(buffer));
    gst_buffer_extract(buffer, 0, out.data(), out.size());
    return out;
}

guint64 number(const GstStructure *s, const char *name) {
    guint64 value = 0;
    fail_unless(gst_structure_get_uint64(s, name, &value), "no field %s", name);
    return value;
}

GstPtr<GstStructure> stats_of(GstElement *element) {
    GstStructure *stats = nullptr;
    g_object_get(element, "stats", &stats, nullptr);
    return GstPtr<GstStructure>::adopt(stats);
}

/// The median from a hop to the reader in ns; none if no frame had the hop.
std::optional<guint64> median(const GstStructure *stats, const char *hop) {
    const GValue *value = gst_structure_get_value(stats, hop);
    if (!value) return std::nullopt;
    return number(gst_value_get_structure(value), "p50");
}

/// Runs a pipeline with a reader named "read" to its end; its stats.
GstPtr<GstStructure> run(const std::string &line) {
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
    fail_if(error, "%s", error ? error->message : "");
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 40 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS, "%s", line.c_str());
    auto reader = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "read"));
    auto stats = stats_of(reader.get());
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return stats;
}

const std::string raw = "videotestsrc is-live=true num-buffers=30 ! "
                        "video/x-raw,format=I420,width=160,height=120,framerate=60/1 ! ";
const std::string picture = raw + "x264enc tune=zerolatency key-int-max=15 ! h264parse ! ";
const std::string read_h264 = "h264parse ! latencysei name=read ! fakesink sync=false async=false";

} // namespace

// A reader passes a stream without stamps on unchanged: the very same buffer.
GST_START_TEST(test_untouched) {
    auto h = harness("latencysei", avc_caps);
    for (const char *hex : {"0000000209f0 00000003 658884", "0000000209f0", "00000009 65"}) {
        GstBuffer *in = frame(from_hex(hex));
        gst_buffer_ref(in);
        GstBuffer *out = gst_harness_push_and_pull(h.get(), in);
        fail_unless(out == in, "%s", hex);
        gst_buffer_unref(out);
        gst_buffer_unref(in);
    }
    GstElement *element = gst_harness_find_element(h.get(), "latencysei");
    const auto stats = stats_of(element);
    fail_unless_equals_int(number(stats.get(), "unstamped"), 3);
    fail_unless_equals_int(number(stats.get(), "frames"), 0);
    fail_unless_equals_int(number(stats.get(), "buffers-out"), 3);
    gst_object_unref(element);

    // A writer passes data without a frame, and broken data, on unchanged.
    h = harness("latencysei hop=encode", avc_caps);
    for (const char *hex : {"0000000209f0", "00000009 65"}) {
        GstBuffer *in = frame(from_hex(hex));
        gst_buffer_ref(in);
        GstBuffer *out = gst_harness_push_and_pull(h.get(), in);
        fail_unless(out == in, "%s", hex);
        gst_buffer_unref(out);
        gst_buffer_unref(in);
    }
}
GST_END_TEST

// Each element adds its hop; the source and the number stay the first element's.
GST_START_TEST(test_hops) {
    auto h = harness("latencysei hop=capture+encode source-id=7 ! latencysei hop=mux source-id=8 ! "
                     "latencysei hop=server",
                     avc_caps);
    const auto unit = from_hex("0000000209f0 00000003 658884");
    for (unsigned i = 0; i < 3; ++i) {
        const GstClockTime pts = i * 40 * GST_MSECOND;
        gst_harness_set_time(h.get(), pts + 25 * GST_MSECOND);
        const gint64 before = g_get_real_time();
        GstBuffer *in = frame(unit, pts);
        if (i > 0) GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_DELTA_UNIT);
        GstBuffer *out = gst_harness_push_and_pull(h.get(), in);
        const gint64 after = g_get_real_time();
        fail_unless_equals_uint64(GST_BUFFER_PTS(out), pts);
        fail_unless_equals_uint64(GST_BUFFER_DURATION(out), 40 * GST_MSECOND);
        fail_unless(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DELTA_UNIT) == (i > 0));
        const auto bytes = bytes_of_buffer(out);
        gst_buffer_unref(out);
        const auto place = find_stamps({penstock::latency::Codec::h264, 4}, bytes);
        fail_unless(place && place->stamps);
        const FrameStamps &stamps = *place->stamps;
        fail_unless_equals_int(stamps.source, 7);
        fail_unless_equals_int(stamps.frame, i);
        std::vector<Hop> hops;
        for (const HopStamp &stamp : stamps.hops)
            hops.push_back(stamp.hop);
        fail_unless(hops == (std::vector{Hop::capture, Hop::encode, Hop::mux, Hop::server}));
        fail_unless_equals_int64(stamps.hops[1].utc - stamps.hops[0].utc, 25'000);
        for (size_t k = 1; k < 4; ++k)
            fail_unless(stamps.hops[k].utc >= before && stamps.hops[k].utc <= after);
        auto rest = bytes;
        rest.erase(rest.begin() + ptrdiff_t(place->begin), rest.begin() + ptrdiff_t(place->end));
        fail_unless(rest == unit);
    }
}
GST_END_TEST

// only-stamped=true: a server adds its hop to stamped frames and does not touch others.
GST_START_TEST(test_only_stamped) {
    auto h = harness("latencysei hop=server only-stamped=true", avc_caps);
    const auto unit = from_hex("0000000209f0 00000003 658884");
    GstBuffer *in = frame(unit);
    gst_buffer_ref(in);
    GstBuffer *out = gst_harness_push_and_pull(h.get(), in);
    fail_unless(out == in);
    gst_buffer_unref(out);
    gst_buffer_unref(in);

    const Framing framing{penstock::latency::Codec::h264, 4};
    auto stamped = build_stamps(framing, *find_stamps(framing, unit), {7, 1, {{Hop::encode, 5}}});
    stamped.insert(stamped.end(), unit.begin(), unit.end());
    out = gst_harness_push_and_pull(h.get(), frame(stamped));
    const auto place = find_stamps(framing, bytes_of_buffer(out));
    gst_buffer_unref(out);
    fail_unless(place && place->stamps && place->stamps->hops.size() == 2);
    fail_unless(place->stamps->hops[1].hop == Hop::server);
    GstElement *element = gst_harness_find_element(h.get(), "latencysei");
    const auto stats = stats_of(element);
    fail_unless_equals_int(number(stats.get(), "stamped"), 1);
    fail_unless_equals_int(number(stats.get(), "unstampable"), 0);
    gst_object_unref(element);
}
GST_END_TEST

// While a stream has no stamps only its keyframes are searched; stamps that begin later get the hop
// from the next keyframe on.
GST_START_TEST(test_begins_later) {
    auto h = harness("latencysei hop=server only-stamped=true", avc_caps);
    const auto unit = from_hex("0000000209f0 00000003 658884");
    const Framing framing{penstock::latency::Codec::h264, 4};
    auto stamped = build_stamps(framing, *find_stamps(framing, unit), {7, 1, {{Hop::encode, 5}}});
    stamped.insert(stamped.end(), unit.begin(), unit.end());
    const auto hops_of = [&](const std::vector<uint8_t> &bytes, bool is_delta) {
        GstBuffer *in = frame(bytes);
        if (is_delta) GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_DELTA_UNIT);
        GstBuffer *out = gst_harness_push_and_pull(h.get(), in);
        const auto place = find_stamps(framing, bytes_of_buffer(out));
        gst_buffer_unref(out);
        return place->stamps ? place->stamps->hops.size() : size_t(0);
    };
    fail_unless_equals_int(hops_of(stamped, true), 2);
    for (int i = 0; i < 60; ++i)
        fail_unless_equals_int(hops_of(unit, true), 0);
    fail_unless_equals_int(hops_of(stamped, true), 1);
    fail_unless_equals_int(hops_of(stamped, false), 2);
    fail_unless_equals_int(hops_of(stamped, true), 2);
}
GST_END_TEST

// clock-offset shifts stamps to the time of another machine's clock.
GST_START_TEST(test_clock_offset) {
    auto h = harness("latencysei hop=capture+encode clock-offset=5000000000", avc_caps);
    gst_harness_set_time(h.get(), 25 * GST_MSECOND);
    const gint64 before = g_get_real_time();
    GstBuffer *out =
        gst_harness_push_and_pull(h.get(), frame(from_hex("0000000209f0 00000003 658884")));
    const gint64 after = g_get_real_time();
    const auto place = find_stamps({penstock::latency::Codec::h264, 4}, bytes_of_buffer(out));
    gst_buffer_unref(out);
    const auto &hops = place->stamps->hops;
    fail_unless_equals_int(hops.size(), 2);
    fail_unless(hops[1].utc >= before - 5'000'000 && hops[1].utc <= after - 5'000'000);
    fail_unless_equals_int64(hops[1].utc - hops[0].utc, 25'000);
}
GST_END_TEST

// A timestamp beyond the clock's time is not used as the capture time.
GST_START_TEST(test_no_capture) {
    auto h = harness("latencysei hop=capture+encode", avc_caps);
    gst_harness_set_time(h.get(), GST_SECOND);
    for (const GstClockTime pts : {GstClockTime(2 * GST_SECOND), GST_CLOCK_TIME_NONE}) {
        GstBuffer *out =
            gst_harness_push_and_pull(h.get(), frame(from_hex("00000003 658884"), pts));
        const auto place = find_stamps({penstock::latency::Codec::h264, 4}, bytes_of_buffer(out));
        gst_buffer_unref(out);
        fail_unless(place && place->stamps && place->stamps->hops.size() == 1);
        fail_unless(place->stamps->hops[0].hop == Hop::encode);
    }
}
GST_END_TEST

// A reader's output: a message per frame, percentiles, lost frames, clocks that differ.
GST_START_TEST(test_reader) {
    auto h = harness("latencysei", avc_caps);
    GstElement *element = gst_harness_find_element(h.get(), "latencysei");
    auto bus = GstPtr<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(element, bus.get());
    const Framing framing{penstock::latency::Codec::h264, 4};
    const auto unit = from_hex("00000003 658884");
    const auto push = [&](uint32_t number, int64_t ago_ms, bool damage = false) {
        const gint64 now = g_get_real_time();
        FrameStamps stamps{
            9,
            number,
            {{Hop::capture, now - ago_ms * 1000}, {Hop::encode, now - ago_ms * 1000 + 20'000}}};
        auto bytes = build_stamps(framing, *find_stamps(framing, unit), stamps);
        if (damage) bytes[bytes.size() - 10] ^= 0x40;
        bytes.insert(bytes.end(), unit.begin(), unit.end());
        gst_buffer_unref(gst_harness_push_and_pull(h.get(), frame(bytes)));
    };
    for (const uint32_t number : {0xFFFFFFFEu, 0xFFFFFFFFu, 0u, 1u, 1u, 4u})
        push(number, 500);
    push(5, -3000);   // from the future
    push(6, 100'000); // of another day
    push(7, 500, true);
    const auto stats = stats_of(element);
    fail_unless_equals_int(number(stats.get(), "frames"), 8);
    fail_unless_equals_int(number(stats.get(), "damaged"), 1);
    fail_unless_equals_int(number(stats.get(), "lost"), 2);
    fail_unless_equals_int(number(stats.get(), "repeated"), 1);
    const GstStructure *capture =
        gst_value_get_structure(gst_structure_get_value(stats.get(), "capture"));
    fail_unless_equals_int(number(capture, "count"), 6);
    fail_unless_equals_int(number(capture, "clock"), 2);
    fail_unless(number(capture, "p50") >= 500 * GST_MSECOND &&
                number(capture, "p50") < 600 * GST_MSECOND);
    const GstStructure *encode =
        gst_value_get_structure(gst_structure_get_value(stats.get(), "encode"));
    const guint64 step = number(encode, "step-p50");
    fail_unless(step > 19'900'000 && step < 20'100'000, "%d", int(step));

    unsigned messages = 0;
    while (auto message = GstPtr<GstMessage>::adopt(gst_bus_pop(bus.get()))) {
        const GstStructure *s = gst_message_get_structure(message.get());
        if (!s || !gst_structure_has_name(s, "penstock-latency-hops")) continue;
        gint64 utc = 0, captured = 0;
        fail_unless(gst_structure_get_int64(s, "utc", &utc) &&
                    gst_structure_get_int64(s, "capture", &captured));
        if (messages++ == 0) fail_unless(utc - captured >= 500'000 && utc - captured < 600'000);
    }
    fail_unless_equals_int(messages, 8);
    gst_element_set_bus(element, nullptr);
    gst_object_unref(element);
}
GST_END_TEST

// Through a real encoder and every container that can carry stamps.
GST_START_TEST(test_containers) {
    const std::string stamp = "latencysei hop=capture+encode ! ";
    for (const std::string between :
         {"identity ! ", "flvlivemux ! flvlivedemux ! ", "flvmux streamable=true ! flvdemux ! ",
          "mpegtsmux ! tsdemux ! ", "mpegtsmux alignment=7 ! tsdemux ! ", "tslivemux ! tsdemux ! ",
          "video/x-h264,stream-format=byte-stream,alignment=au ! ",
          // A relay stamps tags directly, including those of stock elements.
          "flvlivemux ! latencysei hop=server ! flvlivedemux ! ",
          "flvmux streamable=true ! latencysei hop=server ! flvlivedemux ! "}) {
        // After a demuxer the parser makes access units of the data.
        const auto stats = run(picture + stamp + between + read_h264);
        fail_unless(number(stats.get(), "frames") == 30 && number(stats.get(), "lost") == 0 &&
                        number(stats.get(), "unstamped") == 0,
                    "%s: %d of 30, %d without", between.c_str(), int(number(stats.get(), "frames")),
                    int(number(stats.get(), "unstamped")));
        const auto capture = median(stats.get(), "capture"), encode = median(stats.get(), "encode");
        fail_unless(capture && encode && *capture >= *encode && *capture < 10 * GST_SECOND, "%s",
                    between.c_str());
        fail_unless(median(stats.get(), "server").has_value() ==
                        (between.find("hop=server") != std::string::npos),
                    "%s", between.c_str());
    }
}
GST_END_TEST

// In a relay the element needs no thread: it passes the query on to its peer.
GST_START_TEST(test_nonblocking) {
    for (const bool yes : {true, false}) {
        auto bin = GstPtr<GstElement>::adopt(gst_parse_bin_from_description(
            yes ? "latencysei name=sei hop=server ! goptee"
                : "latencysei name=sei hop=server ! queue ! fakesink",
            FALSE, nullptr));
        auto sei = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin.get()), "sei"));
        auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sei.get(), "sink"));
        auto source =
            GstPtr<GstPad>::adopt(GST_PAD(gst_object_ref_sink(gst_pad_new("src", GST_PAD_SRC))));
        fail_unless(gst_pad_link(source.get(), sink.get()) == GST_PAD_LINK_OK);
        gst_pad_set_active(source.get(), TRUE);
        gst_pad_set_active(sink.get(), TRUE);
        fail_unless(peer_is_nonblocking(source.get()) == yes);
        gst_pad_unlink(source.get(), sink.get());
    }
}
GST_END_TEST

// A decoder's output has the same frames, as many as without stamps.
GST_START_TEST(test_decoded) {
    const auto checksums = [](const std::string &middle) {
        auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(
            ("videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=160,height=120 ! "
             "x264enc bframes=2 key-int-max=10 threads=1 ! h264parse ! " +
             middle + " avdec_h264 ! fakesink name=s signal-handoffs=true")
                .c_str(),
            nullptr));
        std::vector<std::string> out;
        auto sink = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "s"));
        g_signal_connect(sink.get(), "handoff",
                         G_CALLBACK(+[](GstElement *, GstBuffer *b, GstPad *, gpointer data) {
                             const auto bytes = bytes_of_buffer(b);
                             const GOwned<> sum(g_compute_checksum_for_data(
                                 G_CHECKSUM_MD5, bytes.data(), bytes.size()));
                             static_cast<std::vector<std::string> *>(data)->push_back(sum.get());
                         }),
                         &out);
        auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus.get(), 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
        fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
        return out;
    };
    const auto plain = checksums("");
    fail_unless_equals_int(plain.size(), 20);
    fail_unless(checksums("latencysei hop=encode+mux ! ") == plain);
    fail_unless(checksums("latencysei hop=encode ! "
                          "video/x-h264,stream-format=avc ! h264parse ! "
                          "video/x-h264,stream-format=byte-stream,alignment=au ! "
                          "latencysei hop=server ! ") == plain);
}
GST_END_TEST

// H.265 in both framings and AV1, if there are encoders.
GST_START_TEST(test_other_codecs) {
    const struct {
        const char *encoder, *line;
    } cases[] = {
        {"x265enc", "x265enc tune=zerolatency speed-preset=ultrafast ! h265parse ! "
                    "video/x-h265,stream-format=byte-stream,alignment=au ! "
                    "latencysei hop=encode ! h265parse ! "},
        {"x265enc", "x265enc tune=zerolatency speed-preset=ultrafast ! h265parse ! "
                    "video/x-h265,stream-format=hvc1,alignment=au ! latencysei hop=encode ! "
                    "h265parse ! "},
        {"x265enc", "x265enc tune=zerolatency speed-preset=ultrafast ! h265parse ! "
                    "video/x-h265,stream-format=byte-stream,alignment=au ! latencysei hop=encode ! "
                    "mpegtsmux ! tsdemux ! h265parse ! "},
        {"av1enc", "av1enc usage-profile=realtime cpu-used=8 lag-in-frames=0 ! av1parse ! "
                   "video/x-av1,alignment=tu ! latencysei hop=encode ! av1parse ! "
                   "video/x-av1,alignment=tu ! latencysei hop=mux ! matroskamux ! matroskademux ! "
                   "av1parse ! video/x-av1,alignment=tu,stream-format=obu-stream ! "},
    };
    for (const auto &c : cases) {
        auto factory = GstPtr<GstElementFactory>::adopt(gst_element_factory_find(c.encoder));
        if (!factory) continue;
        const auto stats = run(
            raw + c.line + "latencysei name=read ! decodebin ! fakesink sync=false async=false");
        fail_unless(number(stats.get(), "frames") == 30 && number(stats.get(), "unstamped") == 0,
                    "%s: %d", c.line, int(number(stats.get(), "frames")));
    }
}
GST_END_TEST

static Suite *latencysei_suite() {
    Suite *s = suite_create("latencysei");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_untouched);
    tcase_add_test(tc, test_hops);
    tcase_add_test(tc, test_only_stamped);
    tcase_add_test(tc, test_begins_later);
    tcase_add_test(tc, test_clock_offset);
    tcase_add_test(tc, test_no_capture);
    tcase_add_test(tc, test_reader);
    tcase_add_test(tc, test_containers);
    tcase_add_test(tc, test_nonblocking);
    tcase_add_test(tc, test_decoded);
    tcase_add_test(tc, test_other_codecs);
    return s;
}
GST_CHECK_MAIN(latencysei)
