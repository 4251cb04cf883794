// SPDX-License-Identifier: LGPL-2.1-or-later
// MPDs: their text, and the Periods that are found from segments as they come.
#include "core/dash/describe.h"

#include "unit/mpd_reader.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::dash;

namespace {

constexpr int64_t ms = 1'000'000;
constexpr int64_t sec = 1'000'000'000;
constexpr int64_t origin = 10 * sec;
constexpr int64_t epoch = 1'700'000'000'000;

/// A stream of renditions whose segments the test makes.
struct Live {
    Timeline timeline;
    std::vector<std::string> names{"video_0", "audio_0"};
    uint64_t number = 1;
    int64_t media = origin; ///< where the next segment begins
    int64_t wall = epoch;   ///< ms; its date
    int64_t rest = 0;       ///< ns that its date has more
    bool has_parts;
    std::map<std::string, std::string> inits;

    explicit Live(bool parts = true) : timeline({.has_parts = parts}), has_parts(parts) {}
    Piece piece(const std::string &name, int64_t length, bool complete, bool discontinuity) const {
        Piece one;
        one.rendition = name;
        one.number = number;
        const auto init = inits.find(name);
        one.init = init == inits.end() ? "init-z-1.mp4" : init->second;
        one.codecs = name[0] == 'v' ? "avc1.64001F" : "mp4a.40.2";
        one.width = name[0] == 'v' ? 1280 : 0;
        one.height = name[0] == 'v' ? 720 : 0;
        one.begin = media;
        one.end = media + length;
        one.is_complete = complete;
        one.discontinuity = discontinuity;
        one.date = wall;
        return one;
    }
    /// The first part of a segment, in all renditions.
    void begin(bool discontinuity = false) {
        for (const std::string &name : names)
            timeline.add(piece(name, 200 * ms, false, discontinuity));
    }
    void segment(int64_t length = sec, bool discontinuity = false) {
        if (has_parts) begin(discontinuity);
        for (const std::string &name : names)
            timeline.add(piece(name, length, true, discontinuity));
        ++number;
        media += length;
        rest += length;
        wall += rest / ms;
        rest %= ms;
    }
    void segments(int count, int64_t length = sec) {
        while (count-- > 0)
            segment(length);
    }
    std::vector<Offer> offers() const {
        std::vector<Offer> list;
        for (const std::string &name : names) {
            hls::Stream::Info info;
            info.has_video = name[0] == 'v';
            info.width = info.has_video ? 1280 : 0;
            info.peak_bitrate = 1'000'000;
            auto about = std::make_shared<hls::About>();
            about->name = name;
            about->frame_rate = info.has_video ? 29'970 : 0;
            about->channels = info.has_video ? 0 : 2;
            info.about = about;
            list.push_back({name, "index/" + name + "/", "seg-z-$Number$.m4s", info});
        }
        return list;
    }
    Mpd mpd(bool ended = false) const {
        Shape shape;
        shape.has_ended = ended;
        shape.target_duration = 2 * sec;
        shape.part_target = has_parts ? 202 * ms : 0;
        shape.segments = 10;
        shape.clock = "index/utc";
        Mpd made = describe(timeline, offers(), shape);
        made.published = epoch;
        return made;
    }
};

mpd::Element read(const std::string &text) {
    const mpd::Reader reader(text);
    fail_unless(reader.problem.empty(), "%s\n%s", reader.problem.c_str(), text.c_str());
    return reader.root;
}

mpd::Element checked(const Mpd &made) {
    const std::string text = write(made);
    mpd::Element root = read(text);
    const mpd::Checker checker(root);
    fail_unless(checker.problems.empty(), "%s%s", checker.text().c_str(), text.c_str());
    return root;
}

// The text of an MPD as players get it.
GST_START_TEST(test_text) {
    Live live;
    live.segments(3);
    live.begin();
    const mpd::Element root = checked(live.mpd());
    fail_unless_equals_string(root.at("type").c_str(), "dynamic");
    fail_unless_equals_string(root.at("availabilityStartTime").c_str(), "2023-11-14T22:13:20.000Z");
    fail_unless_equals_string(root.at("minimumUpdatePeriod").c_str(), "PT2S");
    fail_unless_equals_string(root.at("timeShiftBufferDepth").c_str(), "PT10S");
    fail_unless_equals_string(root.at("suggestedPresentationDelay").c_str(), "PT1S");
    fail_unless_equals_string(root.find("Latency")->at("target").c_str(), "1000");
    fail_unless_equals_string(root.all("UTCTiming")[0]->at("value").c_str(), "index/utc");
    const auto sets = root.find("Period")->all("AdaptationSet");
    fail_unless_equals_int(sets.size(), 2);
    fail_unless_equals_string(sets[0]->at("mimeType").c_str(), "video/mp4");
    fail_unless_equals_string(sets[1]->at("mimeType").c_str(), "audio/mp4");
    const mpd::Element *video = sets[0]->find("Representation");
    fail_unless_equals_string(video->at("frameRate").c_str(), "30000/1001");
    fail_unless_equals_string(video->at("codecs").c_str(), "avc1.64001F");
    const mpd::Element *media = video->find("SegmentTemplate");
    fail_unless_equals_string(media->at("media").c_str(), "index/video_0/seg-z-$Number$.m4s");
    fail_unless_equals_string(media->at("initialization").c_str(), "index/video_0/init-z-1.mp4");
    fail_unless_equals_int(media->number("duration"), 90'000);
    fail_unless_equals_int(media->number("startNumber"), 1);
    fail_unless_equals_int(media->number("presentationTimeOffset"), 900'000);
    fail_unless_equals_string(media->at("availabilityTimeOffset").c_str(), "0.798");
    fail_unless_equals_string(media->at("availabilityTimeComplete").c_str(), "false");
    // The wall clock of the prft boxes.
    const mpd::Element *reference = sets[0]->find("ProducerReferenceTime");
    fail_unless_equals_string(reference->at("wallClockTime").c_str(), "2023-11-14T22:13:20.000Z");
    fail_unless_equals_int(reference->number("presentationTime"), 900'000);
}
GST_END_TEST

// Names, titles and tokens come from others.
GST_START_TEST(test_escapes) {
    Mpd made = [] {
        Live live;
        live.segments(2);
        return live.mpd();
    }();
    made.query = "session=1&a=<\">";
    made.periods[0].sets[1].label = "a \"b\" <c> & \x01 d";
    made.periods[0].sets[1].language = "de\"/><evil x=\"";
    const mpd::Element root = checked(made);
    const auto *audio = root.find("Period")->all("AdaptationSet")[1];
    fail_unless_equals_string(audio->find("Label")->text.c_str(), "a \"b\" <c> &  d");
    fail_unless_equals_string(audio->at("lang").c_str(), "de\"/><evil x=\"");
    fail_unless_equals_string(audio->find("SegmentTemplate")->at("media").c_str(),
                              "index/audio_0/seg-z-$Number$.m4s?session=1&a=<\">");
    fail_unless_equals_string(audio->find("SegmentTemplate")->at("initialization").c_str(),
                              "index/audio_0/init-z-1.mp4?session=1&a=<\">");
    fail_unless_equals_string(format_duration(0).c_str(), "PT0S");
    fail_unless_equals_string(format_duration(1'500'000'400).c_str(), "PT1.5S");
    fail_unless_equals_string(format_duration(100 * sec).c_str(), "PT100S");
}
GST_END_TEST

// There is nothing to tell of before a segment's duration is known, and all renditions are there.
GST_START_TEST(test_first) {
    Live live;
    fail_unless(live.mpd().periods.empty());
    live.begin();
    fail_unless(live.mpd().periods.empty());
    live.segment();
    fail_unless_equals_int(live.mpd().periods.size(), 1);
    // The MPD stays the same while segments come: its caches and players have nothing to learn.
    live.segments(10);
    const std::string before = write(live.mpd());
    live.segments(50);
    live.timeline.remove_before(live.number - 10);
    live.begin();
    fail_unless_equals_string(write(live.mpd()).c_str(), before.c_str());
}
GST_END_TEST

/// Where the Period's addressing puts a segment, minus where it is; ns.
int64_t off(const Period &period, uint64_t number, int64_t media) {
    const auto index = static_cast<int64_t>(number - period.addressing.start_number);
    const int64_t ticks = period.addressing.offset + index * period.addressing.duration;
    return ticks * 100'000 / 9 - media;
}

// A publisher's clock is never exact. Periods follow one another without a hole, each with a
// duration that fits better, and no segment is far from its place.
GST_START_TEST(test_drift) {
    Live live;
    std::mt19937 random(7);
    std::map<std::string, int> ids;
    int64_t worst = 0;
    live.segment(1'001 * ms); // rounded
    for (int i = 0; i < 2000; ++i) {
        const uint64_t number = live.number;
        const int64_t media = live.media;
        live.segment(1'000'600'000 + int64_t(random() % 3 - 1) * ms);
        const Mpd made = live.mpd();
        if (i % 100 == 0) checked(made);
        const Period &last = made.periods.back();
        fail_unless(last.addressing.duration > 0);
        worst = std::max(worst, std::abs(off(last, number, media)));
        ids[last.id]++;
        live.timeline.remove_before(live.number > 10 ? live.number - 10 : 0);
    }
    fail_unless(worst <= 100 * ms, "%lld", static_cast<long long>(worst));
    fail_unless(ids.size() < 6, "%zu Periods", ids.size());
    const Mpd made = live.mpd();
    // On the presentation's timeline nothing has moved.
    const Period &last = made.periods.back();
    const int64_t at = last.start + (live.media - last.addressing.offset * 100'000 / 9);
    fail_unless(std::abs(at - (live.media - origin)) < ms);
}
GST_END_TEST

// Keyframes anywhere: after a few short Periods the segments are listed.
GST_START_TEST(test_uneven) {
    Live live;
    std::mt19937 random(11);
    for (int i = 0; i < 60; ++i) {
        live.segment(700 * ms + int64_t(random() % 900) * ms);
        checked(live.mpd());
    }
    live.begin();
    const Mpd made = live.mpd();
    checked(made);
    fail_unless(made.periods.size() <= 4, "%zu", made.periods.size());
    const Period &last = made.periods.back();
    fail_unless(last.addressing.duration == 0 && !last.continues.empty());
    // With the segment that is being made.
    uint64_t count = 0;
    for (const Span &span : last.addressing.timeline)
        count += span.count;
    fail_unless_equals_int(last.addressing.start_number + count, live.number + 1);
    live.timeline.remove_before(live.number - 5);
    const Mpd later = live.mpd();
    fail_unless_equals_int(later.periods.size(), 1);
    fail_unless_equals_int(later.periods[0].addressing.start_number, live.number - 5);
    checked(later);
}
GST_END_TEST

// A discontinuity, missing segments and a rendition that comes or goes: each begins a Period.
GST_START_TEST(test_periods) {
    Live live;
    live.segments(5);
    live.media = origin; // another producer
    live.wall += 3000;
    live.inits["video_0"] = "init-z-6.mp4";
    live.begin(true);
    // Its segments' duration is not known yet.
    fail_unless_equals_int(live.mpd().periods.size(), 1);
    live.segment(2 * sec, true);
    Mpd made = live.mpd();
    checked(made);
    fail_unless_equals_int(made.periods.size(), 2);
    fail_unless_equals_int64(made.periods[1].start, 8 * sec);
    fail_unless(made.periods[0].duration == 5 * sec && !made.periods[1].duration);
    fail_unless_equals_int(made.periods[1].addressing.start_number, 6);
    fail_unless_equals_int(made.periods[1].addressing.duration, 180'000);
    fail_unless(made.periods[1].continues.empty());
    fail_unless_equals_string(made.periods[1].sets[0].representations[0].init.c_str(),
                              "index/video_0/init-z-6.mp4");
    fail_unless_equals_string(made.periods[0].sets[0].representations[0].init.c_str(),
                              "index/video_0/init-z-1.mp4");

    // Segments are missing.
    live.number += 2;
    live.media += 4 * sec;
    live.wall += 4000;
    live.timeline.interrupt();
    live.segments(4, 2 * sec);
    made = live.mpd();
    checked(made);
    fail_unless_equals_int(made.periods.size(), 3);
    fail_unless_equals_int64(made.periods[2].start, 14 * sec);

    // A rendition comes in the midst.
    live.names.push_back("audio_1");
    live.segments(3, 2 * sec);
    made = live.mpd();
    checked(made);
    fail_unless_equals_int(made.periods.size(), 4);
    fail_unless_equals_int(made.periods[2].sets.size(), 2);
    fail_unless_equals_int(made.periods[3].sets.size(), 3);
    fail_unless_equals_string(made.periods[3].continues.c_str(), made.periods[2].id.c_str());

    // The beginning of a Period is not shown in one rendition only.
    live.timeline.interrupt();
    live.timeline.add(live.piece("video_0", 2 * sec, true, false));
    fail_unless_equals_int(live.mpd().periods.size(), 4);
    live.timeline.add(live.piece("audio_0", 2 * sec, true, false));
    live.timeline.add(live.piece("audio_1", 2 * sec, true, false));
    fail_unless_equals_int(live.mpd().periods.size(), 5);
}
GST_END_TEST

// A gap ends a Period's first segment before its duration is known: what follows is shown without
// that Period.
GST_START_TEST(test_cut_short) {
    Live live;
    live.segments(5);
    live.timeline.interrupt();
    live.begin();
    live.timeline.interrupt();
    live.number += 2;
    live.media += 5 * sec;
    live.wall += 5000;
    live.segments(3);
    Mpd made = live.mpd();
    checked(made);
    fail_unless_equals_int(made.periods.size(), 2);
    fail_unless(made.periods[0].duration == 5 * sec && !made.periods[1].duration);
    fail_unless_equals_int64(made.periods[1].start, 10 * sec);
    fail_unless_equals_int(made.periods[1].addressing.start_number, 8);

    // The next one goes on where that segment ends, but continues no Period of the MPD.
    live.timeline.interrupt();
    live.begin();
    live.inits["video_0"] = "init-z-11.mp4";
    live.begin();
    ++live.number;
    live.media += sec;
    live.wall += 1000;
    live.segments(2);
    made = live.mpd();
    checked(made);
    fail_unless_equals_int(made.periods.size(), 3);
    fail_unless(made.periods[1].duration == 3 * sec);
    fail_unless_equals_int64(made.periods[2].start, 14 * sec);
    fail_unless_equals_string(made.periods[2].continues.c_str(), "");
}
GST_END_TEST

// The wall clock and the media come apart: players would be at the wrong time.
GST_START_TEST(test_clocks) {
    Live live;
    live.segments(20);
    live.wall += 900;
    live.segments(5);
    Mpd made = live.mpd();
    checked(made);
    fail_unless_equals_int(made.periods.size(), 2);
    fail_unless_equals_int64(made.periods[1].start, 20'900 * ms);
    live.wall -= 1800; // the last Period is cut short
    live.segments(5);
    made = live.mpd();
    checked(made);
    fail_unless_equals_int(made.periods.size(), 3);
    fail_unless_equals_int64(made.periods[2].start, 24'100 * ms);
    fail_unless_equals_int64(*made.periods[1].duration, 3'200 * ms);
}
GST_END_TEST

// Whole segments are listed when they are there in all renditions; at the end nothing is open.
GST_START_TEST(test_whole) {
    Live live(false);
    live.segments(3, 2 * sec);
    live.timeline.add(live.piece("video_0", 2 * sec, true, false));
    Mpd made = live.mpd();
    checked(made);
    fail_unless_equals_int(made.periods[0].addressing.timeline.size(), 1);
    fail_unless_equals_int(made.periods[0].addressing.timeline[0].count, 3);
    fail_unless(made.latency == 0 && made.suggested_delay == 6 * sec);
    live.timeline.add(live.piece("audio_0", 2 * sec, true, false));
    made = live.mpd(true);
    checked(made);
    fail_unless_equals_int(made.periods[0].addressing.timeline[0].count, 4);
    fail_unless(made.update_period == 0 && made.duration == 8 * sec && made.clock.empty());
}
GST_END_TEST

// An MPD of anything that may come is well-formed and keeps the rules.
GST_START_TEST(test_any) {
    std::mt19937 random(3);
    for (int round = 0; round < rounds(60); ++round) {
        Live live(random() % 2 == 0);
        if (random() % 4 == 0) live.names.pop_back();
        for (int i = 0; i < 40; ++i) {
            const unsigned what = random() % 20;
            if (what == 0) live.timeline.interrupt();
            if (what == 1) live.number += random() % 5;
            if (what == 2) live.media += int64_t(random() % 5000) * ms;
            if (what == 3) live.wall += int(random() % 4000) - 1000;
            if (what == 4) live.names = {"video_0"};
            if (what == 5) live.names = {"audio_0", "video_0"};
            if (what == 6) live.inits["audio_0"] = std::to_string(i);
            if (what == 7)
                live.timeline.remove_before(live.number -
                                            std::min<uint64_t>(live.number, random() % 8));
            live.segment(int64_t(random() % 2 ? 1000 : 300 + random() % 1500) * ms,
                         random() % 15 == 0);
            const Mpd made = live.mpd(random() % 30 == 0);
            if (!made.periods.empty()) checked(made);
        }
    }
}
GST_END_TEST

} // namespace

static Suite *dash_mpd_suite() {
    Suite *s = suite_create("dash_mpd");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_text);
    tcase_add_test(tc, test_escapes);
    tcase_add_test(tc, test_first);
    tcase_add_test(tc, test_drift);
    tcase_add_test(tc, test_uneven);
    tcase_add_test(tc, test_periods);
    tcase_add_test(tc, test_cut_short);
    tcase_add_test(tc, test_clocks);
    tcase_add_test(tc, test_whole);
    tcase_add_test(tc, test_any);
    return s;
}
GST_CHECK_MAIN(dash_mpd)
