// SPDX-License-Identifier: LGPL-2.1-or-later
// hlssegmenter with pads for subtitles and metadata: caps, forms of text, files beside the video's.
#include "core/id3/tag.h"
#include "core/webvtt/cue.h"

#include "elements/hls_bench.hpp"
#include "unit/hls_conformance_renditions.hpp"
#include "unit/mp4_reader.hpp"

namespace {

std::string text_at(const fs::path &path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// An element with video, audio, and pads beside them.
struct Texts {
    Place place;
    Bench bench{place.location()};
    std::map<std::string, GstHarness *> pads;

    explicit Texts(const char *container, const char *layout = "auto") {
        gst_util_set_object_arg(G_OBJECT(bench.element), "container", container);
        gst_util_set_object_arg(G_OBJECT(bench.element), "renditions", layout);
    }
    ~Texts() {
        gst_element_set_state(bench.element, GST_STATE_NULL);
        for (const auto &[name, harness] : pads)
            gst_harness_teardown(harness);
    }
    void add(const std::string &name) {
        pads[name] = gst_harness_new_with_element(bench.element, name.c_str(), nullptr);
        bench.restore();
    }
    void start(const std::map<std::string, const char *> &caps) {
        add("video_0");
        add("audio_0");
        for (const auto &[name, text] : caps)
            add(name);
        bench.state(GST_STATE_PLAYING);
        for (const auto &[name, harness] : pads)
            gst_harness_set_src_caps(harness, name == "video_0" ? video_caps()
                                              : name == "audio_0"
                                                  ? audio_caps()
                                                  : gst_caps_from_string(caps.at(name)));
        bench.video = pads["video_0"];
        bench.audio = pads["audio_0"];
    }
    void push(int from, int to) { bench.push(from, to); }
    void say(const char *pad, const std::string &text, int at, int duration) {
        GstBuffer *buffer = gst_buffer_new_memdup(text.data(), text.size());
        GST_BUFFER_PTS(buffer) = GstClockTime(at) * GST_MSECOND;
        if (duration > 0) GST_BUFFER_DURATION(buffer) = GstClockTime(duration) * GST_MSECOND;
        fail_unless_equals_int(gst_harness_push(pads[pad], buffer), GST_FLOW_OK);
    }
    void end() {
        for (const auto &[name, harness] : pads)
            fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
        bench.video = bench.audio = nullptr;
    }
    /// All texts of a rendition.
    std::vector<std::string> of(const std::string &name) const {
        const fs::path folder = place.path / "index" / name;
        std::vector<std::string> texts;
        for (const auto &segment : conformance::read(text_at(folder / "index.m3u8")).segments)
            texts.push_back(text_at(folder / segment.uri));
        return texts;
    }
};

} // namespace

GST_START_TEST(test_subtitles) {
    for (const char *container : {"ts", "cmaf"})
        for (const char *layout : {"auto", "muxed"}) {
            Texts t(container, layout);
            t.start({{"subtitle_0", "text/x-raw, format=utf8"},
                     {"subtitle_1", "text/x-raw, format=pango-markup"},
                     {"subtitle_2", "application/x-subtitle-vtt"}});
            gst_child_proxy_set(GST_CHILD_PROXY(t.bench.element), "subtitle_0::language", "en",
                                "subtitle_1::title", "Deutsch", "subtitle_1::default", TRUE,
                                nullptr);
            gst_harness_push_event(
                t.pads["subtitle_2"],
                gst_event_new_tag(gst_tag_list_new(GST_TAG_LANGUAGE_CODE, "fr", nullptr)));
            t.say("subtitle_0", "a < b", 500, 1000);
            t.say("subtitle_1", "<i>x</i> &amp; <span>y</span>", 500, 1000);
            t.say("subtitle_2", "WEBVTT\n\n", 0, 0);
            t.say("subtitle_2", "00:00.500 --> 00:01.500 line:0\n<v Ann>oui", 500, 1000);
            t.push(0, 5000);
            t.say("subtitle_0", "long", 5500, 3000); // in two segments
            t.say("subtitle_2", "7\nline:0\nnon", 5500, 1000);
            t.push(5000, 9000);
            t.end();
            const std::string all = text_at(t.place.path / "index.m3u8");
            conformance::RenditionsChecker checker;
            checker.see(all);
            std::map<std::string, std::string> lists;
            for (const char *name : {"video_0", "subtitle_0", "subtitle_1", "subtitle_2"}) {
                lists[name] = text_at(t.place.path / "index" / name / "index.m3u8");
                conformance::Checker media;
                media.see(lists[name]);
                fail_unless(media.problems.empty(), "%s: %s", name, media.text().c_str());
            }
            checker.see_media(lists);
            fail_unless(checker.problems.empty(), "%s\n%s", checker.text().c_str(), all.c_str());
            for (const char *line :
                 {"NAME=\"en\",LANGUAGE=\"en\",DEFAULT=NO", "NAME=\"Deutsch\",DEFAULT=YES",
                  "NAME=\"fr\",LANGUAGE=\"fr\",DEFAULT=NO", ",SUBTITLES=\"subtitles\""})
                fail_unless(all.find(line) != all.npos, "%s: no %s in\n%s", container, line,
                            all.c_str());
            const auto plain = t.of("subtitle_0"), markup = t.of("subtitle_1"),
                       vtt = t.of("subtitle_2");
            fail_unless(plain.size() == 5 && markup.size() == 5 && vtt.size() == 5);
            fail_unless_equals_string(plain[0].c_str(),
                                      "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:10.000\n\n"
                                      "00:00:10.500 --> 00:00:11.500\na &lt; b\n");
            fail_unless(plain[1].find("-->") == plain[1].npos);
            for (const size_t i : {2, 3, 4})
                fail_unless((plain[i].find("00:00:15.500 --> 00:00:18.500\nlong\n") !=
                             plain[i].npos) == (i < 5));
            fail_unless(markup[0].ends_with("\n<i>x</i> &amp; y\n"));
            fail_unless(vtt[0].ends_with("10.500 --> 00:00:11.500 line:0\n<v Ann>oui\n"));
            fail_unless(vtt[2].ends_with("\n7\n00:00:15.500 --> 00:00:16.500 line:0\nnon\n"));
        }
}
GST_END_TEST

GST_START_TEST(test_metadata) {
    for (const char *container : {"ts", "cmaf"}) {
        Texts t(container);
        t.start({{"metadata_0", "meta/x-id3"}});
        const id3::Text frame{"TIT2", "now"};
        const Bytes tag = id3::make_tag(std::span(&frame, 1));
        const std::string bytes(tag.begin(), tag.end());
        t.push(0, 3000);
        t.say("metadata_0", bytes, 3100, 0);
        t.say("metadata_0", "no tag", 3200, 0);
        t.push(3000, 6000);
        const std::string long_title(1000, 'x');
        const id3::Text part{"TIT2", long_title};
        std::string large;
        while (large.size() <= 70'000) {
            const Bytes one = id3::make_tag(std::span(&part, 1));
            large.append(one.begin(), one.end());
        }
        t.say("metadata_0", large, 3300, 0);
        const bool is_taken = std::string(container) == "cmaf";
        fail_unless_equals_uint64(t.bench.stat("drops"), is_taken ? 1 : 2);
        t.end();
        // It is a stream like any other, and the tag in its second segment.
        const auto list = conformance::read(text_at(t.place.path / "index.m3u8"));
        fail_unless_equals_int(list.segments.size(), 3);
        for (size_t i = 0; i < 3; ++i) {
            const std::string segment = text_at(t.place.path / list.segments[i].uri);
            fail_unless((segment.find(bytes) != segment.npos) == (i == 1), "%s: %zu", container, i);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_titles) {
    for (const bool on : {true, false}) {
        Texts t("cmaf");
        g_object_set(t.bench.element, "title-metadata", gboolean(on), nullptr);
        t.start({});
        const auto say = [&](const char *title) {
            gst_harness_push_event(t.pads["audio_0"],
                                   gst_event_new_tag(gst_tag_list_new(
                                       GST_TAG_TITLE, title, GST_TAG_ARTIST, "Band", nullptr)));
        };
        t.push(0, 3000);
        say("First");
        say("First");
        t.push(3000, 5000);
        say("Second");
        t.push(5000, 6000);
        t.end();
        const auto list = conformance::read(text_at(t.place.path / "index.m3u8"));
        fail_unless_equals_int(list.segments.size(), 3);
        size_t firsts = 0, seconds = 0;
        for (size_t i = 0; i < 3; ++i)
            for (const mp4::Fragment &fragment : [&] {
                     static std::string segment;
                     segment = text_at(t.place.path / list.segments[i].uri);
                     return mp4::read_segment(
                         {reinterpret_cast<const uint8_t *>(segment.data()), segment.size()});
                 }())
                for (const mp4::Box &event : fragment.events) {
                    const std::string text(event.content.begin(), event.content.end());
                    fail_unless(text.find("Band") != text.npos);
                    firsts += i == 1 && text.find("First") != text.npos;
                    seconds += i == 2 && text.find("Second") != text.npos;
                }
        fail_unless(firsts == size_t(on) && seconds == size_t(on), "%zu %zu", firsts, seconds);
    }
}
GST_END_TEST

// A title that is known from the beginning, of a stream that does not begin at 0.
GST_START_TEST(test_first_title) {
    Texts t("cmaf");
    g_object_set(t.bench.element, "title-metadata", TRUE, nullptr);
    t.start({});
    gst_harness_push_event(t.pads["audio_0"],
                           gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "First", nullptr)));
    t.push(100'000, 106'000);
    t.end();
    size_t events = 0;
    for (const auto &one : conformance::read(text_at(t.place.path / "index.m3u8")).segments) {
        const std::string segment = text_at(t.place.path / one.uri);
        for (const mp4::Fragment &fragment :
             mp4::read_segment({reinterpret_cast<const uint8_t *>(segment.data()), segment.size()}))
            for (const mp4::Box &event : fragment.events) {
                Reader r(event.content);
                r.skip(4);
                const uint32_t timescale = r.u32();
                const uint64_t ms = r.u64() * 1000 / timescale;
                const mp4::Sample &frame = fragment.tracks.begin()->second.front();
                fail_unless_equals_uint64(ms, frame.dts / 90);
                ++events;
            }
    }
    fail_unless_equals_int(events, 1);
}
GST_END_TEST

GST_START_TEST(test_no_place) {
    // MPEG-TS of audio alone has one playlist.
    Place place;
    Bench bench(place.location());
    bench.add_audio();
    GstPad *pad = gst_element_request_pad_simple(bench.element, "subtitle_0");
    fail_unless(pad == nullptr && bench.has_message(GST_MESSAGE_WARNING));
}
GST_END_TEST

static Suite *hlssegmenter_texts_suite() {
    Suite *s = suite_create("hlssegmenter_texts");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_subtitles);
    tcase_add_test(tc, test_metadata);
    tcase_add_test(tc, test_titles);
    tcase_add_test(tc, test_first_title);
    tcase_add_test(tc, test_no_place);
    return s;
}
GST_CHECK_MAIN(hlssegmenter_texts)
