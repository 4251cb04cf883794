// SPDX-License-Identifier: LGPL-2.1-or-later
// httpserversink in a harness and after stock muxers, with sockets as viewers.
#include "unit/tls_rig.hpp"

#include <filesystem>
#include <fstream>

#include "rtmp_rig.hpp"

using namespace rtmp_rig;
using http_test::Viewer;

namespace {

constexpr const char *any_port = "http://127.0.0.1:0/live/cam.flv";

GstHarness *serve(const char *caps = "video/x-flv", const std::string &location = any_port) {
    const auto element = make_element("httpserversink");
    g_object_set(element.get(), "location", location.c_str(), nullptr);
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, caps);
    return h;
}

uint16_t port_of(GstElement *sink) {
    const std::string location = string_property(sink, "bound-location");
    return static_cast<uint16_t>(std::stoi(location.substr(location.find(':', 7) + 1)));
}

void push(GstHarness *h, std::string_view text, GstClockTime pts, int flags = 0) {
    auto buffer = buffer_of(Bytes::copy_of(text));
    GST_BUFFER_PTS(buffer.get()) = pts;
    GST_BUFFER_FLAG_SET(buffer.get(), flags);
    fail_unless_equals_int(gst_harness_push(h, buffer.release()), GST_FLOW_OK);
}

/// Runs a pipeline whose sink is "s" until it has served a viewer these bytes; returns the viewer's
/// body.
std::string served(const std::string &line, const std::string &path, size_t bytes) {
    auto pipeline = launch(line + " ! httpserversink name=s location=http://127.0.0.1:0" + path);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto sink = child(pipeline, "s");
    Viewer viewer(port_of(sink.get()));
    viewer.get(path);
    fail_unless(viewer.until([&] { return viewer.body.size() >= bytes; }), "%zu bytes",
                viewer.body.size());
    fail_if(viewer.malformed);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return viewer.head + viewer.body;
}

std::string body_of(const std::string &answer, const char *type) {
    fail_unless(answer.find(std::string("Content-Type: ") + type + "\r\n") != answer.npos, "%s",
                answer.substr(0, 300).c_str());
    return answer.substr(answer.find("chunked\r\n") + 9);
}

} // namespace

GST_START_TEST(test_flv) {
    GstHarness *h = serve();
    push(h, samples::video_config());
    push(h, samples::audio_config());
    push(h, samples::video_frame(0, true, 1));
    push(h, samples::video_frame(40, true, 2));
    push(h, samples::audio_frame(50, 3));
    {
        Viewer raw(port_of(h->element)), socket(port_of(h->element));
        raw.get("/live/cam.flv");
        socket.upgrade("/live/cam.flv");
        for (Viewer *viewer : {&raw, &socket}) {
            fail_unless(viewer->until_frames(2));
            fail_unless_equals_int(viewer->tags[2].bytes.view()[21], 2);
        }
        fail_unless_equals_int(stat(h->element, "peers"), 2);
        push(h, samples::video_frame(80, false, 4));
        fail_unless(raw.until_frames(3) && socket.until_frames(3));
        // Other caps of the same kind change nothing.
        gst_harness_set_src_caps_str(h, "video/x-flv, again=(boolean)true");
        push(h, samples::video_frame(120, false, 5));
        fail_unless(raw.until_frames(4) && socket.until_frames(4));
    }
    fail_unless(eventually([&] { return stat(h->element, "peers") == 0; }));
    fail_unless_equals_uint64(stat(h->element, "peers-total"), 2);
    fail_unless_equals_uint64(stat(h->element, "buffers-in"), 7);
    fail_unless(stat(h->element, "bytes-out") > 0);
    gst_harness_teardown(h);
}
GST_END_TEST

// mpegts.js fails at tags that it does not know: viewers have to ask for these.
GST_START_TEST(test_enhanced_forms) {
    GstHarness *h = serve();
    const uint16_t port = port_of(h->element);
    Viewer plain(port), enhanced(port);
    plain.get("/live/cam.flv");
    enhanced.get("/live/cam.flv?enhanced=1");
    const auto video = [](uint32_t ms, const char *hex) {
        return flv::make_tag(flv::TagType::video, ms, samples::from_hex(hex));
    };
    const auto audio = [](const char *hex) {
        return flv::make_tag(flv::TagType::audio, 0, samples::from_hex(hex));
    };
    const char *left_out[] = {"d4 61763031 0200", "95 00 4f707573 01 4f70757348656164",
                              "94 4f707573 0102 00000003", "95 01 4f707573 01 aa"};
    push(h, video(0, "90 61763031 81000c00"));
    push(h, video(0, left_out[0]));
    push(h, audio("90 4f707573 4f70757348656164"));
    push(h, audio(left_out[1]));
    push(h, audio(left_out[2]));
    push(h, video(0, "97 02 0003e8 01 61763031 0a010032021000"));
    push(h, audio(left_out[3]));
    push(h, video(40, "a1 61763031 32023000"));
    const auto contains = [](const std::string &body, const char *hex) {
        const auto bytes = samples::from_hex(hex);
        return body.find(std::string(bytes.begin(), bytes.end())) != body.npos;
    };
    for (Viewer *viewer : {&plain, &enhanced})
        fail_unless(viewer->until([&] { return contains(viewer->body, "a1 61763031 32023000"); }));
    for (const char *tag : left_out)
        fail_unless(contains(enhanced.body, tag) && !contains(plain.body, tag), "%s", tag);
    fail_unless(contains(enhanced.body, "97 02 0003e8 01 61763031"));
    fail_unless(contains(plain.body, "91 61763031 0a010032021000"));
    fail_if(contains(plain.body, "97 02 0003e8"));
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_viewer_outlives_producer) {
    GstHarness *keeper = serve(); // holds the port
    const std::string location = string_property(keeper->element, "bound-location") + "-2";
    GstHarness *first = serve("video/x-flv", location);
    Viewer viewer(port_of(first->element));
    viewer.get("/live/cam.flv-2");
    push(first, samples::video_config());
    push(first, samples::video_frame(5000, true));
    fail_unless(viewer.until_frames(1));
    gst_harness_teardown(first);
    GstHarness *second = serve("video/x-flv", location);
    push(second, samples::video_config());
    push(second, samples::video_frame(0, true));
    fail_unless(viewer.until_frames(2));
    fail_unless(viewer.tags.back().timestamp > viewer.tags[1].timestamp);
    gst_harness_teardown(second);
    gst_harness_teardown(keeper);
}
GST_END_TEST

GST_START_TEST(test_mpegts) {
    const std::string source =
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120 ! x264enc "
        "tune=zerolatency key-int-max=15 ! h264parse ! ";
    for (const char *muxer : {"mpegtsmux", "mpegtsmux alignment=7", "tslivemux"}) {
        const std::string body = body_of(served(source + muxer, "/cam.ts", 188 * 40), "video/mp2t");
        // PAT and PMT come first.
        for (size_t at = 0; at + 188 <= body.size(); at += 188)
            fail_unless_equals_int(body[at], 0x47);
        const auto pid = [&](size_t packet) {
            return (body[packet * 188 + 1] & 0x1f) << 8 | uint8_t(body[packet * 188 + 2]);
        };
        fail_unless_equals_int(pid(0), 0);
        fail_unless(pid(1) != 0);
    }
}
GST_END_TEST

GST_START_TEST(test_ogg) {
    const std::string body = body_of(
        served("audiotestsrc is-live=true ! audioconvert ! opusenc ! oggmux", "/a.ogg", 4000),
        "application/ogg");
    // One beginning of stream, its two headers, then audio.
    size_t begins = 0;
    for (size_t at = body.find("OggS"); at != body.npos; at = body.find("OggS", at + 1))
        begins += (body[at + 5] & 2) != 0;
    fail_unless_equals_int(begins, 1);
    fail_unless(body.find("OpusHead") < body.find("OpusTags"));
    fail_unless(body.rfind("OpusTags") == body.find("OpusTags"));
}
GST_END_TEST

// A viewer that joins gets the last seconds, not a single frame.
GST_START_TEST(test_audio_joins_at_seconds) {
    const struct {
        const char *caps, *type;
    } cases[] = {
        {"audio/mpeg, mpegversion=(int)1, layer=(int)3, parsed=(boolean)true", "audio/mpeg"},
        {"audio/mpeg, mpegversion=(int)4, stream-format=(string)adts", "audio/aac"}};
    for (const auto &c : cases) {
        GstHarness *h = serve(c.caps, "http://127.0.0.1:0/radio");
        for (unsigned i = 0; i < 30; ++i)
            push(h, std::string(1, char('a' + i % 26)), i * 100 * GST_MSECOND);
        Viewer viewer(port_of(h->element));
        viewer.get("/radio");
        fail_unless(viewer.until([&] { return viewer.body == "uvwxyzabcd"; }), "%s",
                    viewer.body.c_str());
        fail_unless(viewer.says((std::string("Content-Type: ") + c.type + "\r\n").c_str()));
        gst_harness_teardown(h);
    }
}
GST_END_TEST

// A player that asks for titles gets them at the announced positions; others get only the stream.
GST_START_TEST(test_titles) {
    GstHarness *h = serve("audio/mpeg, mpegversion=(int)1, layer=(int)3, parsed=(boolean)true",
                          "http://127.0.0.1:0/radio.mp3");
    GstTagList *tags = gst_tag_list_new(GST_TAG_ARTIST, "It's", GST_TAG_TITLE, "Me", nullptr);
    gst_harness_push_event(h, gst_event_new_tag(tags));
    const std::string sound(20'000, 's');
    push(h, sound, 0);
    Viewer titled(port_of(h->element)), plain(port_of(h->element));
    titled.get("/radio.mp3", "Icy-MetaData: 1\r\n");
    plain.get("/radio.mp3", "Icy-MetaData: 0\r\n");
    fail_unless(plain.until([&] { return plain.body == sound; }));
    const std::string said = "StreamTitle='It\u2019s - Me';";
    const std::string block = '\2' + said + std::string(32 - said.size(), '\0');
    fail_unless(titled.until([&] { return titled.body.size() >= sound.size() + 33; }));
    fail_unless(titled.body == sound.substr(4000) + block + sound.substr(16'000));
    fail_unless(titled.says("icy-metaint: 16000\r\n"));
    fail_unless(titled.says("icy-name: radio\r\n"));
    fail_if(titled.says("chunked"));
    fail_if(plain.says("icy-"));
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_policy_properties) {
    auto element = make_element("httpserversink");
    gst_util_set_object_arg(G_OBJECT(element.get()), "join", "fast-forward");
    gst_util_set_object_arg(G_OBJECT(element.get()), "slow-policy", "close");
    g_object_set(element.get(), "send-rate", 5.0, "coalesce-max", guint64(7), "max-lag", guint64(8),
                 "loops", 3u, nullptr);
    gint join = -1, slow = -1;
    gdouble rate = 0;
    guint64 coalesce = 0, lag = 0;
    guint loops = 0;
    g_object_get(element.get(), "join", &join, "slow-policy", &slow, "send-rate", &rate,
                 "coalesce-max", &coalesce, "max-lag", &lag, "loops", &loops, nullptr);
    fail_unless_equals_int(join, 1);
    fail_unless_equals_int(slow, 1);
    fail_unless_equals_float(rate, 5.0);
    fail_unless_equals_uint64(coalesce, 7);
    fail_unless_equals_uint64(lag, 8);
    fail_unless_equals_int(loops, 3);
}
GST_END_TEST

GST_START_TEST(test_stall_timeout) {
    keeps_timeout("httpserversink", "stall-timeout");
    const auto element = make_element("httpserversink");
    g_object_set(element.get(), "location", any_port, "stall-timeout", guint64(300 * GST_MSECOND),
                 nullptr);
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    push(h, samples::audio_config());
    push(h, samples::audio_frame(0));
    Viewer stuck(port_of(h->element), 16384);
    stuck.get("/live/cam.flv");
    fail_unless(stuck.until_frames(1));
    // More than the sockets buffer.
    std::vector<uint8_t> body(100'000, 0x55);
    body[0] = 0xaf;
    body[1] = 1;
    for (uint32_t ms = 20; ms < 4000; ms += 20)
        push(h, flv::make_tag(flv::TagType::audio, ms, body));
    fail_unless(eventually([&] { return stat(h->element, "closed-slow") == 1; }));
    fail_unless_equals_int(stat(h->element, "peers"), 0);
    gst_harness_teardown(h);
}
GST_END_TEST

static unsigned network_threads() {
    unsigned count = 0;
    for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(task.path() / "comm"), name);
        count += name.starts_with("penstock-net");
    }
    return count;
}

GST_START_TEST(test_loops) {
    const auto first = make_element("httpserversink"), second = make_element("httpserversink");
    g_object_set(first.get(), "location", any_port, "loops", 3u, nullptr);
    g_object_set(second.get(), "location", any_port, "loops", 2u, nullptr);
    Bus bus(second.get());
    fail_unless(eventually([] { return network_threads() == 0; })); // of tests before
    fail_unless(gst_element_set_state(first.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    fail_unless(eventually([] { return network_threads() == 3; }));
    fail_unless(gst_element_set_state(second.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    const auto warning = bus.wait(GST_MESSAGE_WARNING);
    fail_unless(warning);
    GError *error = nullptr;
    gst_message_parse_warning(warning.get(), &error, nullptr);
    fail_unless(g_str_has_prefix(error->message, "loops=2 comes too late"), "%s", error->message);
    g_error_free(error);
    gst_element_set_state(second.get(), GST_STATE_NULL);
    gst_element_set_state(first.get(), GST_STATE_NULL);
}
GST_END_TEST

// join=keyframe: the first frame that a viewer gets is the next keyframe.
GST_START_TEST(test_join_keyframe) {
    const auto element = make_element("httpserversink");
    g_object_set(element.get(), "location", any_port, nullptr);
    gst_util_set_object_arg(G_OBJECT(element.get()), "join", "keyframe");
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    push(h, samples::video_config());
    push(h, samples::video_frame(0, true, 1));
    Viewer viewer(port_of(h->element));
    viewer.get("/live/cam.flv");
    fail_unless(viewer.until_answered());
    fail_unless(eventually([&] { return stat(h->element, "peers") == 1; }));
    push(h, samples::video_frame(40, false, 2));
    // The viewer joins when its loop next runs: at the first keyframe after that.
    uint32_t ms = 80;
    fail_unless(viewer.until([&] {
        push(h, samples::video_frame(ms, true, 3));
        ms += 40;
        return viewer.frames() >= 1;
    }));
    fail_unless_equals_int(viewer.tags[1].bytes.view()[21], 3);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_eos) {
    posts_eos(serve());
}
GST_END_TEST

GST_START_TEST(test_events_while_paused) {
    events_do_not_wait_while_paused("httpserversink", "http://127.0.0.1:0/live/paused.flv");
}
GST_END_TEST

GST_START_TEST(test_refuses_what_it_is_not) {
    for (const char *caps :
         {"video/x-flv", "video/mpegts, systemstream=true, packetsize=188", "application/ogg"}) {
        GstHarness *h = serve(caps);
        Bus bus(h->element);
        GstBuffer *garbage = gst_buffer_new_allocate(nullptr, 400, nullptr);
        gst_buffer_memset(garbage, 0, 0xee, 400);
        fail_unless_equals_int(gst_harness_push(h, garbage), GST_FLOW_ERROR);
        fail_unless(bus.wait(GST_MESSAGE_ERROR));
        gst_harness_teardown(h);
    }
}
GST_END_TEST

GST_START_TEST(test_locations) {
    GstHarness *h = serve();
    const std::string location = string_property(h->element, "bound-location");
    auto other = make_element("httpserversink");
    for (const std::string &bad :
         {std::string("rtmp://127.0.0.1:0/live/cam"), std::string("http://"),
          std::string("http://127.0.0.1:0/"), std::string("http://127.0.0.1:0/a b"), location}) {
        g_object_set(other.get(), "location", bad.c_str(), nullptr);
        Bus bus(other.get());
        fail_unless_equals_int(gst_element_set_state(other.get(), GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        fail_unless(bus.wait(GST_MESSAGE_ERROR), "%s", bad.c_str());
        gst_element_set_state(other.get(), GST_STATE_NULL);
    }
    g_object_set(other.get(), "location", (location + "-2").c_str(), nullptr);
    fail_if(gst_element_set_state(other.get(), GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(other.get(), GST_STATE_NULL);
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_https) {
    tls_test::Certificates folder;
    const auto files = folder.make("cam");
    const auto element = make_element("httpserversink");
    g_object_set(element.get(), "location", "https://127.0.0.1:0/live/cam.flv", "tls-certificate",
                 files.certificate.c_str(), "tls-key", files.key.c_str(), nullptr);
    fail_unless_equals_string(string_property(element.get(), "tls-key").c_str(), files.key.c_str());
    GstHarness *h = gst_harness_new_with_element(element.get(), "sink", nullptr);
    gst_harness_set_src_caps_str(h, "video/x-flv");
    push(h, samples::video_config());
    push(h, samples::video_frame(0, true));
    const std::string location = string_property(element.get(), "bound-location");
    fail_unless(location.starts_with("https://127.0.0.1:"), "%s", location.c_str());
    const auto port = static_cast<uint16_t>(std::stoi(location.substr(18)));
    tls_test::TlsViewer raw(port, files.certificate), socket(port, files.certificate);
    raw.get("/live/cam.flv");
    socket.upgrade("/live/cam.flv");
    fail_unless(raw.until_frames(1) && socket.until_frames(1));
    push(h, samples::video_frame(40, false));
    fail_unless(raw.until_frames(2) && socket.until_frames(2));
    gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(test_https_needs_its_files) {
    tls_test::Certificates folder;
    const auto files = folder.make("cam"), other = folder.make("other");
    const struct {
        const char *location;
        std::string certificate, key;
        const char *says;
    } cases[] = {
        {"https://127.0.0.1:0/a.flv", "", "", "set tls-certificate and tls-key to PEM files"},
        {"https://127.0.0.1:0/a.flv", files.certificate, "", "tls-certificate needs tls-key"},
        {"https://127.0.0.1:0/a.flv", files.certificate, other.key, "is not that of"},
        {"https://127.0.0.1:0/a.flv", "/nowhere.pem", files.key, "can't read '/nowhere.pem'"},
    };
    for (const auto &[location, certificate, key, says] : cases) {
        auto element = make_element("httpserversink");
        g_object_set(element.get(), "location", location, "tls-certificate", certificate.c_str(),
                     "tls-key", key.c_str(), nullptr);
        Bus bus(element.get());
        fail_unless_equals_int(gst_element_set_state(element.get(), GST_STATE_PAUSED),
                               GST_STATE_CHANGE_FAILURE);
        const auto message = bus.wait(GST_MESSAGE_ERROR);
        fail_unless(message);
        GError *error = nullptr;
        gst_message_parse_error(message.get(), &error, nullptr);
        fail_unless(strstr(error->message, says), "%s", error->message);
        g_clear_error(&error);
        gst_element_set_state(element.get(), GST_STATE_NULL);
    }
}
GST_END_TEST

GST_START_TEST(test_states) {
    auto element = make_element("httpserversink");
    g_object_set(element.get(), "location", any_port, nullptr);
    for (int round = 0; round < 5; ++round)
        for (GstState state : {GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_PAUSED,
                               GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_NULL})
            fail_unless_equals_int(gst_element_set_state(element.get(), state),
                                   GST_STATE_CHANGE_SUCCESS);
    fail_unless_equals_string(string_property(element.get(), "bound-location").c_str(), "");
    ASSERT_OBJECT_REFCOUNT(element.get(), "httpserversink", 1);
}
GST_END_TEST

static Suite *httpserversink_suite() {
    Suite *s = suite_create("httpserversink");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_flv);
    tcase_add_test(tc, test_enhanced_forms);
    tcase_add_test(tc, test_viewer_outlives_producer);
    tcase_add_test(tc, test_mpegts);
    tcase_add_test(tc, test_ogg);
    tcase_add_test(tc, test_audio_joins_at_seconds);
    tcase_add_test(tc, test_titles);
    tcase_add_test(tc, test_policy_properties);
    tcase_add_test(tc, test_stall_timeout);
    tcase_add_test(tc, test_loops);
    tcase_add_test(tc, test_join_keyframe);
    tcase_add_test(tc, test_eos);
    tcase_add_test(tc, test_events_while_paused);
    tcase_add_test(tc, test_refuses_what_it_is_not);
    tcase_add_test(tc, test_locations);
    tcase_add_test(tc, test_https);
    tcase_add_test(tc, test_https_needs_its_files);
    tcase_add_test(tc, test_states);
    return s;
}
GST_CHECK_MAIN(httpserversink)
