// SPDX-License-Identifier: LGPL-2.1-or-later
// hlssegmenter with several video and audio pads: layouts, the multivariant playlist in files, pad
// properties and tags.
#include "elements/hls_bench.hpp"
#include "unit/hls_conformance_renditions.hpp"

namespace {

/// An element with a harness on each of its pads.
struct Pads {
    Bench bench;
    std::map<std::string, GstHarness *> harnesses;

    Pads(const std::string &location, const char *container, std::vector<std::string> names)
        : bench(location) {
        gst_util_set_object_arg(G_OBJECT(bench.element), "container", container);
        for (const std::string &name : names) {
            harnesses[name] = gst_harness_new_with_element(bench.element, name.c_str(), nullptr);
            bench.restore(); // so that there is a place for the next
        }
    }
    ~Pads() {
        gst_element_set_state(bench.element, GST_STATE_NULL);
        for (const auto &[name, harness] : harnesses)
            gst_harness_teardown(harness);
    }
    void start() {
        bench.state(GST_STATE_PLAYING);
        for (const auto &[name, harness] : harnesses)
            gst_harness_set_src_caps(harness, name[0] == 'v'
                                                  ? video_caps(name == "video_0" ? 0x1E : 0x0D)
                                                  : audio_caps());
    }
    void push(int from, int to) {
        for (int t = from; t < to; t += 40)
            for (const auto &[name, harness] : harnesses)
                for (int a = 0; a < 40; a += name[0] == 'v' ? 40 : 20)
                    fail_unless_equals_int(
                        gst_harness_push(
                            harness,
                            buffer_of_sample(name[0] == 'v'
                                                 ? rig::video_sample(t * ms, t * ms, t % 2000 == 0)
                                                 : rig::audio_sample((t + a) * ms, 20 * ms))),
                        GST_FLOW_OK);
    }
    void end() {
        for (const auto &[name, harness] : harnesses)
            fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    }
};

std::string text_at(const fs::path &path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

} // namespace

GST_START_TEST(test_separate_files) {
    Place place;
    Pads pads(place.location(), "cmaf", {"video_0", "video_1", "audio_0", "audio_1"});
    gst_child_proxy_set(GST_CHILD_PROXY(pads.bench.element), "audio_1::language", "de",
                        "audio_1::title", "Deutsch", "audio_1::default", TRUE, nullptr);
    pads.start();
    gst_harness_push_event(pads.harnesses["audio_0"], gst_event_new_tag(gst_tag_list_new(
                                                          GST_TAG_LANGUAGE_CODE, "en", nullptr)));
    pads.push(0, 9000);
    pads.end();
    const std::string text = text_at(place.path / "index.m3u8");
    conformance::RenditionsChecker checker;
    checker.see(text);
    std::map<std::string, std::string> texts;
    for (const char *name : {"video_0", "video_1", "audio_0", "audio_1"}) {
        texts[name] = text_at(place.path / "index" / name / "index.m3u8");
        conformance::Checker media;
        media.see(texts[name]);
        fail_unless(media.problems.empty(), "%s: %s", name, media.text().c_str());
        const auto list = conformance::read(texts[name]);
        fail_unless(list.segments.size() == 5 && list.ended, "%s", texts[name].c_str());
        for (const auto &segment : list.segments)
            fail_unless(fs::file_size(place.path / "index" / name / segment.uri) > 0);
    }
    checker.see_media(texts);
    fail_unless(checker.problems.empty(), "%s\n%s", checker.text().c_str(), text.c_str());
    for (const char *part :
         {"NAME=\"Deutsch\",LANGUAGE=\"de\",DEFAULT=YES", "NAME=\"en\",LANGUAGE=\"en\",DEFAULT=NO"})
        fail_unless(text.find(part) != text.npos, "no %s in\n%s", part, text.c_str());
}
GST_END_TEST

GST_START_TEST(test_muxed_files) {
    Place place;
    Pads pads(place.location(), "ts", {"video_0", "video_1", "audio_0", "audio_1"});
    pads.start();
    fail_unless(pads.bench.has_message(GST_MESSAGE_WARNING)); // audio_1 is left out
    pads.push(0, 5000);
    pads.end();
    const std::string text = text_at(place.path / "index.m3u8");
    conformance::RenditionsChecker checker;
    checker.see(text);
    fail_unless(checker.problems.empty(), "%s\n%s", checker.text().c_str(), text.c_str());
    fail_unless(text.find("EXT-X-MEDIA:") == text.npos);
    for (const char *name : {"video_0", "video_1"})
        fail_unless(conformance::read(text_at(place.path / "index" / name / "index.m3u8"))
                            .segments.size() == 3,
                    "%s", name);
}
GST_END_TEST

GST_START_TEST(test_one_of_each) {
    for (const char *layout : {"auto", "muxed", "separate"}) {
        Place place;
        Pads pads(place.location(), "cmaf", {"video_0", "audio_0"});
        gst_util_set_object_arg(G_OBJECT(pads.bench.element), "renditions", layout);
        pads.start();
        pads.push(0, 5000);
        pads.end();
        const bool is_one = std::string_view(layout) != "separate";
        const std::string text = text_at(place.path / "index.m3u8");
        fail_unless((text.find("#EXTINF") != text.npos) == is_one, "%s: %s", layout, text.c_str());
        fail_unless_equals_int(fs::exists(place.path / "index"), !is_one);
    }
    Place place;
    Pads pads(place.location(), "ts", {"video_0"});
    gst_util_set_object_arg(G_OBJECT(pads.bench.element), "renditions", "separate");
    fail_unless_equals_int(gst_element_set_state(pads.bench.element, GST_STATE_PAUSED),
                           GST_STATE_CHANGE_FAILURE);
}
GST_END_TEST

static Suite *hlssegmenter_renditions_suite() {
    Suite *s = suite_create("hlssegmenter_renditions");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_separate_files);
    tcase_add_test(tc, test_muxed_files);
    tcase_add_test(tc, test_one_of_each);
    return s;
}
GST_CHECK_MAIN(hlssegmenter_renditions)
