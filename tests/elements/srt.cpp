// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements of SRT with one another: a stream in FLV and in MPEG-TS, from sink to source; and
// what they refuse.
#include "rtmp_rig.hpp"

#include <atomic>

using namespace rtmp_rig;

namespace {

/// The buffers that arrive at a pipeline's sink named `out`.
class Arrivals {
public:
    explicit Arrivals(const std::string &line) : pipeline_(launch(line)) {
        g_object_set(child(pipeline_, "out").get(), "signal-handoffs", TRUE, "sync", FALSE, "async",
                     FALSE, nullptr);
        g_signal_connect(
            child(pipeline_, "out").get(), "handoff",
            G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
                static_cast<Arrivals *>(data)->take(buffer, pad);
            }),
            this);
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
    ~Arrivals() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
    const GstPtr<GstElement> &pipeline() const { return pipeline_; }

    std::atomic<unsigned> buffers{0}, joins{0}, discontinuities{0}, misaligned{0}, with_tables{0};

private:
    void take(GstBuffer *buffer, GstPad *pad) {
        const Bytes bytes = bytes_of(buffer);
        if (bytes.empty() || bytes.size() % 188 != 0 || bytes[0] != 0x47) ++misaligned;
        if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)) {
            ++joins;
            const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
            if (gst_structure_has_field(gst_caps_get_structure(caps.get(), 0), "streamheader"))
                ++with_tables;
        }
        if (GST_BUFFER_IS_DISCONT(buffer)) ++discontinuities;
        ++buffers;
    }
    GstPtr<GstElement> pipeline_;
};

/// Pushes GOPs of FLV until `done`.
template <class Done>
bool feed(GstHarness *h, Done done) {
    static uint32_t time = 0;
    push(h, samples::video_config(time));
    push(h, samples::audio_config(time));
    return eventually([&] {
        for (int i = 0; i < 5; ++i, time += 40) {
            push(h, samples::video_frame(time, i == 0, uint8_t(i)));
            push(h, samples::audio_frame(time));
        }
        return done();
    });
}

GstHarness *sink_harness(const char *name, const std::string &location) {
    const auto element = make_element(name);
    g_object_set(element.get(), "location", location.c_str(), nullptr);
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    return h;
}

/// "srt://127.0.0.1:PORT" of a bound location.
std::string server_of(const std::string &location) {
    return location.substr(0, location.find('/', 6));
}

} // namespace

GST_START_TEST(test_serve_and_pull) {
    GstHarness *h = sink_harness("srtliveserversink", "srt://127.0.0.1:0/live/test");
    const std::string location = string_property(h->element, "bound-location");
    fail_unless(location.find(":0/") == std::string::npos, "%s", location.c_str());
    {
        // The path is short for the stream id.
        Arrivals viewer("srtpullsrc name=src location=" + location + " ! fakesink name=out");
        Arrivals other("srtpullsrc location=" + server_of(location) +
                       "?streamid=#!::r=live/test&latency=20 ! fakesink name=out");
        fail_unless(feed(h, [&] { return viewer.joins >= 3 && other.joins >= 3; }));
        fail_unless(viewer.misaligned == 0 && other.misaligned == 0);
        fail_unless(viewer.with_tables == viewer.joins);
        fail_unless_equals_int(stat(h->element, "peers"), 2);
        fail_unless(stat(h->element, "bytes-out") > 0);
        const auto source = child(viewer.pipeline(), "src");
        fail_unless_equals_int(stat(source.get(), "peers"), 1);
        fail_unless_equals_uint64(stat(source.get(), "connections"), 1);
        for (const char *field : {"rtt", "lost", "retransmitted", "late", "bandwidth", "buffer"}) {
            stat(source.get(), field);
            stat(h->element, field);
        }
    }
    fail_unless(eventually([&] { return stat(h->element, "peers") == 0; }));
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_push_and_receive) {
    Arrivals receiver("srtliveserversrc name=src location=srt://127.0.0.1:0/live/cam "
                      "publish-key=KEY passphrase=0123456789 ! fakesink name=out");
    const auto source = child(receiver.pipeline(), "src");
    const std::string location = string_property(source.get(), "bound-location");
    for (unsigned round = 1; round <= 2; ++round) {
        const auto sink = make_element("srtpushsink");
        g_object_set(sink.get(), "location", server_of(location).c_str(), "streamid",
                     "publish:live/cam:key=KEY", "passphrase", "0123456789", nullptr);
        fail_unless_equals_string(string_property(sink.get(), "passphrase").c_str(), "(set)");
        GstHarness *h = gst_harness_new_with_element(sink.get(), "sink", nullptr);
        gst_harness_set_src_caps_str(h, "video/x-flv");
        const unsigned before = receiver.joins;
        fail_unless(feed(h, [&] { return receiver.joins >= before + 3; }));
        fail_unless_equals_int(stat(source.get(), "peers"), 1);
        gst_harness_teardown(h);
        fail_unless(eventually([&] { return stat(source.get(), "peers") == 0; }));
        fail_unless_equals_int(int(receiver.discontinuities), int(round));
    }
    fail_unless(receiver.misaligned == 0);
    fail_unless_equals_string(string_property(source.get(), "publish-key").c_str(), "(set)");
}
GST_END_TEST

// A listener takes one caller after another; packets of MPEG-TS pass as they are.
GST_START_TEST(test_listener) {
    Arrivals origin("srtliveserversrc name=src location=srt://127.0.0.1:0/live/cam ! tee name=t "
                    "t. ! fakesink name=out t. ! srtliveserversink name=sink "
                    "location=srt://127.0.0.1:0/live/cam");
    const auto source = child(origin.pipeline(), "src"), sink = child(origin.pipeline(), "sink");
    const std::string in = string_property(source.get(), "bound-location");
    fail_unless(eventually([&] { return !string_property(sink.get(), "bound-location").empty(); }));
    GstHarness *h = sink_harness("srtpushsink", in);
    Arrivals viewer("srtpullsrc location=" + string_property(sink.get(), "bound-location") +
                    " ! fakesink name=out");
    fail_unless(feed(h, [&] { return viewer.joins >= 3; }));
    fail_unless(viewer.misaligned == 0 && viewer.with_tables == viewer.joins);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_refused) {
    Arrivals receiver("srtliveserversrc name=src location=srt://127.0.0.1:0/live/cam "
                      "passphrase=0123456789 ! fakesink name=out");
    const std::string location =
        string_property(child(receiver.pipeline(), "src").get(), "bound-location");
    // A wrong passphrase is told of, without it, and not tried again soon.
    const auto sink = make_element("srtpushsink");
    Bus bus(sink.get());
    g_object_set(sink.get(), "location", (location + "?passphrase=not-the-same").c_str(), nullptr);
    fail_unless_equals_string(string_property(sink.get(), "location").c_str(),
                              (location + "?passphrase=(set)").c_str());
    gst_element_set_state(sink.get(), GST_STATE_PLAYING);
    const auto message = bus.wait(GST_MESSAGE_WARNING);
    fail_unless(message);
    GError *error = nullptr;
    gst_message_parse_warning(message.get(), &error, nullptr);
    const std::string text = error->message;
    g_error_free(error);
    fail_unless(text.find("the passphrases differ") != text.npos, "%s", text.c_str());
    fail_unless(text.find("not-the-same") == text.npos);
    gst_element_set_state(sink.get(), GST_STATE_NULL);
}
GST_END_TEST

GST_START_TEST(test_settings) {
    refuses_locations("srtliveserversrc", {"rtmp://127.0.0.1:0/live/x", "srt://127.0.0.1:0/../x",
                                           "srt://127.0.0.1:0", "live/x"});
    refuses_locations("srtliveserversink", {"rtmp://127.0.0.1:0/live/x", "srt://127.0.0.1:0/../x"});
    for (const char *name : {"srtpushsink", "srtpullsrc"})
        refuses_locations(name, {"", "srt://127.0.0.1", "rtmp://127.0.0.1:1", "srt://h:1?mode=x",
                                 "srt://127.0.0.1:1?passphrase=short"});
    for (const char *name : {"srtliveserversrc", "srtpullsrc"})
        keeps_timeout(name, "silence-timeout");
    const auto first = make_element("srtliveserversrc"), second = make_element("srtliveserversrc");
    Bus bus(second.get());
    g_object_set(first.get(), "location", "srt://127.0.0.1:0/live/cam", nullptr);
    fail_unless(gst_element_set_state(first.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    g_object_set(second.get(), "location", string_property(first.get(), "bound-location").c_str(),
                 nullptr);
    fail_unless_equals_int(gst_element_set_state(second.get(), GST_STATE_PAUSED),
                           GST_STATE_CHANGE_FAILURE);
    fail_unless(bus.wait(GST_MESSAGE_ERROR));
    gst_element_set_state(second.get(), GST_STATE_NULL);
    gst_element_set_state(first.get(), GST_STATE_NULL);
}
GST_END_TEST

static Suite *srt_suite() {
    Suite *s = suite_create("srt");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_serve_and_pull);
    tcase_add_test(tc, test_push_and_receive);
    tcase_add_test(tc, test_listener);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_settings);
    return s;
}
GST_CHECK_MAIN(srt)
