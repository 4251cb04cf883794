// SPDX-License-Identifier: LGPL-2.1-or-later
// Renditions of subtitles: cues in each segment that they overlap, at the media's times; text that
// is sparse, late or absent holds up nothing.
#include "unit/hls_renditions_rig.hpp"

#include <set>

using namespace rig;

namespace {

struct Read {
    std::vector<webvtt::Cue> cues;
    int64_t local = 0; ///< ms
    uint64_t ticks = 0;
};
Read read(const std::string &text) {
    Read r;
    fail_unless(webvtt::parse(text, r.cues).is_ok(), "%s", text.c_str());
    unsigned long long ticks = 0;
    int h = 0, m = 0, s = 0, milli = 0;
    fail_unless(std::sscanf(text.c_str(), "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:%llu,LOCAL:%d:%d:%d.%d\n",
                            &ticks, &h, &m, &s, &milli) == 5,
                "%s", text.c_str());
    r.ticks = ticks;
    r.local = ((h * 60 + m) * 60 + s) * 1000ll + milli;
    return r;
}

webvtt::Cue cue(int64_t begin, int64_t end, const std::string &text) {
    return {begin, end, "", "", text};
}

/// Names of the cues of each whole segment.
std::vector<std::string> told(const Served &served) {
    std::vector<std::string> all;
    for (const std::string &text : served.texts) {
        if (text.empty()) continue; // of a part
        std::string names;
        for (const webvtt::Cue &one : read(text).cues)
            names += one.text;
        all.push_back(names);
    }
    return all;
}

struct Usual {
    Renditions r;
    Lane video, audio;
    size_t text;
    explicit Usual(int64_t part = 200 * ms) : r(Layout::separate, part) {
        video = {.track = r.track(Kind::video, "video_0", cmaf_video())};
        audio = {.track = r.track(Kind::audio, "audio_0", cmaf_audio()), .kind = Kind::audio};
        text = *r.presentation->declare_text("subtitle_0");
        About about;
        about.title = "English";
        about.language = "en";
        r.presentation->set_text_about(text, about);
    }
    void run(int64_t from, int64_t to) { rig::run(r, {&video, &audio}, from, to); }
    void say(int64_t begin, int64_t end, const std::string &what) {
        r.presentation->add_text(text, cue(begin, end, what));
        r.take();
    }
};

} // namespace

GST_START_TEST(test_overlaps) {
    for (const int64_t part : {int64_t(0), 200 * ms}) {
        Usual u(part);
        u.run(0, 1500 * ms);
        u.say(1600 * ms, 1900 * ms, "a");
        u.say(1800 * ms, 4200 * ms, "b");
        u.run(1500 * ms, 5 * sec);
        u.say(6 * sec, 7 * sec, "c");
        u.run(5 * sec, 8 * sec);
        u.r.finish();
        u.r.assert_conforms("overlaps");
        const Served &served = u.r.at("subtitle_0");
        const std::vector<std::string> expected{"", "ab", "b", "b", "b", "", "c", ""};
        const auto seen = told(served);
        fail_unless(seen == expected, "%zu", seen.size());
        // The times are those of the media: the stream begins at 10 s.
        size_t number = 0;
        for (const std::string &text : served.texts) {
            if (text.empty()) continue;
            const Read r = read(text);
            fail_unless_equals_int64(r.local, 10'000 + int64_t(number) * 1000);
            fail_unless_equals_uint64(r.ticks, uint64_t(r.local) * 90);
            for (const webvtt::Cue &one : r.cues)
                if (one.text == "b")
                    fail_unless(one.begin == 11'800 * ms && one.end == 14'200 * ms);
            ++number;
        }
        // Parts have what overlaps them.
        size_t with_a = 0;
        for (const Segment &piece : served.pieces)
            for (const Part &one : piece.parts)
                with_a += text_of(one.data).find("\na\n") != std::string::npos;
        fail_unless_equals_int(with_a, part ? 2 : 0);
        fail_unless_equals_int(served.gaps(), part > 0);
        // As long as the video's.
        const auto video = conformance::read(text_of(u.r.at("video_0").stream.playlist()));
        const auto texts = conformance::read(text_of(served.stream.playlist()));
        fail_unless(video.segments.size() == texts.segments.size());
        for (size_t i = 0; i < video.segments.size(); ++i)
            fail_unless(video.segments[i].duration == texts.segments[i].duration);
        const std::string all = u.r.multivariant();
        for (const char *what :
             {"TYPE=SUBTITLES,GROUP-ID=\"subtitles\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=NO",
              "SUBTITLES=\"subtitles\"", "URI=\"index/subtitle_0/index.m3u8\""})
            fail_unless(all.find(what) != all.npos, "no %s in\n%s", what, all.c_str());
        u.r.assert_conforms("multivariant");
    }
}
GST_END_TEST

// A track that says nothing: its segments come with the video's.
GST_START_TEST(test_silence) {
    Usual u;
    u.run(0, 4 * sec);
    fail_unless(u.r.at("subtitle_0").pieces.size() + 1 >= u.r.at("video_0").pieces.size());
    // It has been heard once: what follows is waited for, a little.
    u.say(4 * sec, 4500 * ms, "x");
    u.run(4 * sec, 8 * sec);
    const size_t text = u.r.at("subtitle_0").pieces.size(), video = u.r.at("video_0").pieces.size();
    fail_unless(text + 3 >= video && text < video, "%zu of %zu", text, video);
    // With gaps, as demuxers send them, it is not.
    u.r.presentation->gap_text(u.text, 12 * sec);
    u.run(8 * sec, 11 * sec);
    fail_unless(u.r.at("subtitle_0").pieces.size() + 1 >= u.r.at("video_0").pieces.size());
    u.r.finish();
    u.r.assert_conforms("silence");
}
GST_END_TEST

// Captions that are made from what is heard come late.
GST_START_TEST(test_late) {
    for (const int64_t part : {int64_t(0), 200 * ms}) {
        Usual u(part);
        u.run(0, 5500 * ms);
        u.say(3200 * ms, 3900 * ms, "x");
        u.run(5500 * ms, 9 * sec);
        u.r.finish();
        u.r.assert_conforms("late");
        const auto seen = told(u.r.at("subtitle_0"));
        size_t said = 0;
        for (const std::string &names : seen)
            said += names == "x";
        fail_unless(said == 1 && seen.size() == 9, "%zu times in %zu", said, seen.size());
        // With its own time.
        for (const std::string &text : u.r.at("subtitle_0").texts)
            if (!text.empty() && text.find("\nx\n") != text.npos)
                fail_unless(read(text).cues.at(0).begin == 13'200 * ms);
    }
}
GST_END_TEST

// A packager, which is as fast as it can: text may come after the video it belongs to.
GST_START_TEST(test_not_live) {
    Usual u(0);
    u.r.presentation->set_realtime(false);
    u.r.is_held = true;
    u.say(100 * ms, 500 * ms, "a");
    u.run(0, 9 * sec);
    u.say(4100 * ms, 4500 * ms, "b");
    u.say(8100 * ms, 8500 * ms, "c");
    u.r.presentation->end_text(u.text);
    u.r.take();
    u.r.finish();
    u.r.assert_conforms("not live");
    const std::vector<std::string> expected{"a", "", "", "", "b", "", "", "", "c"};
    fail_unless(told(u.r.at("subtitle_0")) == expected);
}
GST_END_TEST

// The source begins anew; the timeline of segments goes on.
GST_START_TEST(test_jump) {
    Usual u(0);
    u.run(100 * sec, 103 * sec);
    u.say(102'500 * ms, 102'900 * ms, "a");
    u.say(500 * sec, 501 * sec, "never");
    u.run(103 * sec, 105 * sec);
    u.run(0, 4 * sec);
    u.say(3500 * ms, 3900 * ms, "b");
    u.run(4 * sec, 6 * sec);
    u.r.finish();
    u.r.assert_conforms("jump");
    int64_t last = 0;
    std::string names;
    for (const std::string &text : u.r.at("subtitle_0").texts) {
        const Read r = read(text);
        fail_unless(r.local > last);
        last = r.local;
        for (const webvtt::Cue &one : r.cues) {
            names += one.text;
            fail_unless(one.end / ms > r.local - 2000 && one.begin / ms < r.local + 2000);
        }
    }
    fail_unless_equals_string(names.c_str(), "ab");
}
GST_END_TEST

GST_START_TEST(test_bounds) {
    Usual u;
    for (int i = 0; i < 5000; ++i)
        u.say(sec, 2 * sec, std::string(10'000, 'x'));
    fail_unless(u.r.presentation->stats().kept_bytes <= 1 << 20);
    fail_unless(!Presentation(Presentation::Options{.make_writer = [] {
                     return std::make_unique<CmafWriter>();
                 }}).declare_text("subtitle_0"));
}
GST_END_TEST

// A segment that ends early is made of its parts, and a cue that is in several is in it once.
GST_START_TEST(test_cut_short) {
    const webvtt::Cue one = cue(100 * ms, 900 * ms, "x");
    Segment piece;
    piece.complete = false;
    piece.target_duration = 2;
    piece.part_target = 200 * ms;
    piece.program_date_time = 1'700'000'000'000;
    for (int i = 0; i < 3; ++i)
        piece.parts.push_back({webvtt::write(std::span(&one, 1), 0, 0), 200 * ms, true});
    for (const bool has_ended : {true, false}) {
        Stream stream({.playlist_length = 6, .uri_prefix = {}, .container = webvtt_container});
        stream.publish(piece);
        if (has_ended)
            stream.end();
        else
            stream.fill_gap();
        const auto list = conformance::read(text_of(stream.playlist()));
        size_t cues = 0;
        for (const auto &segment : list.segments) {
            Bytes data;
            fail_unless(stream.segment(segment.uri, data), "%s", segment.uri.c_str());
            const std::string text = text_of(data);
            fail_unless(text.find("WEBVTT", 1) == text.npos, "%s", text.c_str());
            std::vector<webvtt::Cue> there;
            fail_unless(webvtt::parse(text, there).is_ok());
            cues += there.size();
        }
        fail_unless_equals_int(cues, 1);
    }
}
GST_END_TEST

// A film's text comes all at once, ahead of its video.
GST_START_TEST(test_whole_film_first) {
    for (const bool has_gap : {false, true}) {
        Usual u(0);
        u.r.presentation->set_realtime(false);
        u.r.is_held = true;
        constexpr int count = 3000, seconds = 100;
        for (int i = 0; i < count; ++i)
            u.say((i % seconds) * sec + i * 10'000, (i % seconds + 1) * sec, std::to_string(i));
        for (int i = count; i < 2 * count; ++i) // not reached
            u.say(i * sec, (i + 1) * sec, std::to_string(i));
        u.r.presentation->end_text(u.text);
        if (has_gap) u.run(0, 2 * sec);
        u.run(has_gap ? 20 * sec : 0, seconds * sec);
        u.r.finish();
        std::set<std::string> seen;
        for (const std::string &text : u.r.at("subtitle_0").texts)
            for (const webvtt::Cue &one : read(text).cues)
                seen.insert(one.text);
        for (int i = 0; i < count; ++i) {
            const bool is_shown = !has_gap || i % seconds < 2 || i % seconds >= 20;
            fail_unless(!is_shown || seen.count(std::to_string(i)), "cue %d is lost", i);
        }
        fail_unless_equals_uint64(u.r.presentation->stats().dropped, 0);
        fail_unless(u.r.presentation->take_warnings().empty());
    }
    // Memory is bounded all the same, and what is lost is told.
    Usual u;
    u.r.presentation->set_realtime(false);
    for (int i = 0; i < 80; ++i)
        u.r.presentation->add_text(u.text, cue(i * sec, (i + 1) * sec, std::string(1 << 20, 'x')));
    const Segmenter::Stats stats = u.r.presentation->stats();
    fail_unless(stats.kept_bytes <= 64 << 20 && stats.dropped > 15);
    fail_unless_equals_int(u.r.presentation->take_warnings().size(), 1);
}
GST_END_TEST

static Suite *hls_subtitles_suite() {
    Suite *s = suite_create("hls_subtitles");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_overlaps);
    tcase_add_test(tc, test_silence);
    tcase_add_test(tc, test_late);
    tcase_add_test(tc, test_not_live);
    tcase_add_test(tc, test_jump);
    tcase_add_test(tc, test_bounds);
    tcase_add_test(tc, test_cut_short);
    tcase_add_test(tc, test_whole_film_first);
    return s;
}
GST_CHECK_MAIN(hls_subtitles)
