// SPDX-License-Identifier: LGPL-2.1-or-later
// Splice commands as date ranges: out and in, repetition, cancellation, returns, the window, and
// segments that begin at the splice.
#include "core/hls/date_ranges.h"
#include "core/hls/stream.h"
#include "core/playlist/session.h"

#include "unit/hls_conformance.hpp"
#include "unit/hls_rig.hpp"
#include "unit/scte35_rig.hpp"

#include "check.hpp"

#include <limits>

namespace {

using namespace penstock;
using namespace penstock::hls;
using rig::Insert;
using rig::ms;
using rig::sec;
using rig::section_of;

constexpr int64_t epoch = 1'700'000'000; // s

/// Ranges of a stream whose time 0 is `epoch`.
struct Ranges {
    DateRanges ranges;
    int64_t position = 0;
    void add(const Bytes &section, std::optional<int64_t> time = std::nullopt) {
        fail_unless(ranges.add_section(section, time, position).is_ok());
        advance(position);
    }
    void advance(int64_t to) {
        position = to;
        ranges.resolve([](int64_t time) { return std::optional(epoch * sec + time); }, to);
    }
    const DateRangeList &list() const {
        static const DateRangeList none;
        return ranges.list() ? *ranges.list() : none;
    }
};

std::string text_of(const Stream &stream, bool delta = false) {
    const Bytes bytes = stream.playlist(delta);
    return std::string(bytes.begin(), bytes.end());
}

} // namespace

GST_START_TEST(test_out_and_in) {
    Ranges r;
    const Bytes out = section_of(Insert{.event = 5, .time = 90'000, .duration = 30 * 90'000});
    r.add(out, 4 * sec);
    fail_unless_equals_int(r.list().size(), 1);
    const playlist::DateRange first = r.list()[0];
    fail_unless(first.start == epoch * 1000 + 4000 && first.planned == 30'000 && !first.duration);
    fail_unless(first.scte35_out == std::vector<uint8_t>(out.begin(), out.end()));
    // It comes several times.
    const auto before = r.ranges.list();
    for (int i = 0; i < 3; ++i)
        r.add(out, 4 * sec);
    fail_unless(r.ranges.list() == before);
    // Another event's end is not its own.
    r.add(section_of(Insert{.event = 6, .is_out = false, .time = 5}), 20 * sec);
    fail_unless(r.ranges.list() == before);
    const Bytes in = section_of(Insert{.event = 5, .is_out = false, .time = 9});
    r.add(in, 24 * sec);
    fail_unless_equals_int(r.list().size(), 2);
    const playlist::DateRange &second = r.list()[1];
    fail_unless(second.id == first.id && second.start == first.start && second.duration == 20'000);
    fail_unless(second.scte35_out.empty() && !second.scte35_in.empty());
    // The out command again, late: no other break.
    r.add(out, 4 * sec);
    r.add(in, 24 * sec);
    fail_unless_equals_int(r.list().size(), 2);
    // The same number another day.
    r.add(section_of(Insert{.event = 5, .time = 1234}), 100 * sec);
    fail_unless(r.list().size() == 3 && r.list()[2].id != first.id);
}
GST_END_TEST

GST_START_TEST(test_immediate) {
    Ranges r;
    r.advance(2 * sec);
    const Bytes out = section_of(Insert{}), in = section_of(Insert{.is_out = false});
    for (int turn = 0; turn < 2; ++turn) { // the same commands mean another break
        r.add(out);
        r.advance(r.position + sec);
        r.add(out); // again
        r.advance(r.position + sec);
        r.add(in);
        r.add(in);
        fail_unless_equals_int(r.list().size(), size_t(turn) * 2 + 2);
        fail_unless(r.list().back().duration == 2000);
        r.advance(r.position + sec);
    }
}
GST_END_TEST

// An application sends the same bytes for each break, with a time of its own.
GST_START_TEST(test_same_bytes) {
    Ranges r;
    const Bytes out = section_of(Insert{.event = 5, .auto_return = true, .duration = 10 * 90'000});
    const Bytes in = section_of(Insert{.event = 5, .is_out = false});
    for (size_t turn = 0; turn < 3; ++turn) {
        const int64_t at = (2 + int64_t(turn) * 60) * sec;
        for (int i = 0; i < 3; ++i)
            r.add(out, at + i * 100 * ms);
        fail_unless_equals_int(r.list().size(), 2 * turn + 1);
        for (int i = 0; i < 3; ++i)
            r.add(in, at + 5 * sec);
        fail_unless_equals_int(r.list().size(), 2 * turn + 2);
        fail_unless(r.list().back().duration == 5000);
        fail_unless(r.list().back().start == epoch * 1000 + at / ms);
        r.advance(at + 30 * sec);
    }
}
GST_END_TEST

GST_START_TEST(test_return_and_cancel) {
    Ranges r;
    r.add(section_of(Insert{.event = 1, .auto_return = true, .time = 1, .duration = 90'000 * 10}),
          2 * sec);
    r.advance(11 * sec);
    fail_unless_equals_int(r.list().size(), 1);
    r.advance(12 * sec);
    fail_unless(r.list().size() == 2 && r.list()[1].duration == 10'000 &&
                r.list()[1].scte35_in.empty());
    r.add(section_of(Insert{.event = 2, .time = 2}), 20 * sec);
    fail_unless_equals_int(r.list().size(), 3);
    r.add(section_of(Insert{.event = 2, .is_cancelled = true}));
    fail_unless_equals_int(r.list().size(), 2);
    // What has begun is not undone.
    r.add(section_of(Insert{.event = 3, .time = 3}), 11 * sec);
    r.add(section_of(Insert{.event = 3, .is_cancelled = true}));
    fail_unless_equals_int(r.list().size(), 3);
}
GST_END_TEST

GST_START_TEST(test_segmentation) {
    Ranges r;
    r.add(rig::from_hex(rig::opportunity_start), 3 * sec);
    fail_unless(r.list().size() == 1 && r.list()[0].planned == 307'000 &&
                !r.list()[0].scte35_out.empty());
    r.add(rig::from_hex(rig::program_change), 4 * sec);
    fail_unless(r.list().size() == 2 && !r.list()[1].scte35_command.empty());
    r.add(rig::from_hex(rig::opportunity_end), 310 * sec);
    fail_unless(r.list().size() == 3 && r.list()[2].id == r.list()[0].id &&
                r.list()[2].duration == 307'000);
}
GST_END_TEST

GST_START_TEST(test_marks) {
    Ranges r;
    RangeMark mark;
    mark.id = "goal";
    mark.time = sec;
    mark.attributes = {{"X-TEAM", "a\"b"}};
    fail_unless(r.ranges.add_mark(mark).is_ok());
    r.advance(sec);
    mark.is_end = true;
    mark.time = 3 * sec;
    mark.attributes = {};
    fail_unless(r.ranges.add_mark(mark).is_ok());
    r.advance(3 * sec);
    fail_unless(r.list().size() == 2 && r.list()[1].duration == 2000);
    playlist::MediaPlaylist list;
    list.ranges = r.list();
    const std::string text = playlist::write(list);
    for (const char *line :
         {"#EXT-X-DATERANGE:ID=\"goal\",START-DATE=\"2023-11-14T22:13:21.000Z\",X-TEAM=\"ab\"\n",
          "#EXT-X-DATERANGE:ID=\"goal\",START-DATE=\"2023-11-14T22:13:21.000Z\","
          "END-DATE=\"2023-11-14T22:13:23.000Z\",DURATION=2.000000\n"})
        fail_unless(text.find(line) != text.npos, "%s", text.c_str());
    for (const char *name : {"TEAM", "X-team", "X-", "X-A,B"}) {
        mark.attributes = {{name, "1"}};
        fail_unless(r.ranges.add_mark(mark).is_error(), "%s", name);
    }
}
GST_END_TEST

// What an application says cannot be told twice under one id, and not at any time.
GST_START_TEST(test_refused) {
    Ranges r;
    RangeMark mark;
    mark.id = "goal";
    mark.time = sec;
    mark.duration = sec;
    for (int i = 0; i < 2; ++i) // again, by another path
        fail_unless(r.ranges.add_mark(mark).is_ok());
    r.advance(3 * sec);
    fail_unless_equals_int(r.list().size(), 1);
    mark.time = 100 * sec;
    fail_unless(r.ranges.add_mark(mark).is_error());
    mark.id = "goal-2";
    fail_unless(r.ranges.add_mark(mark).is_ok());
    r.advance(100 * sec);
    fail_unless_equals_int(r.list().size(), 2);
    constexpr int64_t most = std::numeric_limits<int64_t>::max();
    for (const int64_t far : {most, most / 2, std::numeric_limits<int64_t>::min()}) {
        fail_unless(r.ranges.add_section(section_of(Insert{.time = 1}), far, 0).is_error());
        mark = {};
        mark.id = "far";
        mark.time = far;
        fail_unless(r.ranges.add_mark(mark).is_error());
        mark.time = 0;
        mark.duration = far;
        fail_unless(r.ranges.add_mark(mark).is_error());
        mark.duration.reset();
        mark.planned = far;
        fail_unless(r.ranges.add_mark(mark).is_error());
    }
}
GST_END_TEST

// A viewer's token is for this server only.
GST_START_TEST(test_session) {
    Ranges r;
    RangeMark mark;
    mark.id = "ad";
    mark.attributes = {{"X-ASSET-URI", "https://example.org/ad.m3u8"}};
    fail_unless(r.ranges.add_mark(mark).is_ok());
    r.advance(0);
    playlist::MediaPlaylist list;
    list.ranges = r.list();
    list.segments.resize(1);
    list.segments[0].uri = "seg.ts";
    const Bytes plain = Bytes::copy_of(playlist::write(list));
    const Bytes own = playlist::with_session(plain, "abc");
    const std::string text(own.begin(), own.end());
    fail_unless(text.find("X-ASSET-URI=\"https://example.org/ad.m3u8\"\n") != text.npos, "%s",
                text.c_str());
    fail_unless(text.find("seg.ts?session=abc") != text.npos);
}
GST_END_TEST

GST_START_TEST(test_bounds) {
    Ranges r;
    for (uint32_t i = 0; i < 1000; ++i)
        r.add(section_of(Insert{.event = i, .time = i}), int64_t(i) * sec);
    fail_unless_equals_int(r.list().size(), DateRanges::max_tags);
    DateRanges waiting; // for the first date
    for (uint32_t i = 0; i < 1000; ++i)
        fail_unless(waiting.add_section(section_of(Insert{.event = i}), 0, 0).is_ok());
    waiting.resolve([](int64_t) { return std::optional<int64_t>(0); }, 0);
    fail_unless_equals_int(waiting.list()->size(), DateRanges::max_tags);
}
GST_END_TEST

/// Segments of a stream with a splice out at 5 s and in at 9.4 s; keyframes are every second.
GST_START_TEST(test_playlists) {
    for (const int64_t part : {int64_t(0), 200 * ms}) {
        Segmenter::Options options;
        options.part_duration = part;
        rig::Rig rig(options);
        rig.segmenter->set_format(rig::video_format());
        rig.segmenter->set_format(rig::audio_format());
        DateRanges ranges;
        fail_unless(
            ranges.add_section(section_of(Insert{.event = 5, .time = 1}), 5 * sec, 0).is_ok());
        fail_unless(ranges
                        .add_section(section_of(Insert{.event = 5, .is_out = false, .time = 2}),
                                     9400 * ms, 0)
                        .is_ok());
        while (const auto time = ranges.take_cut())
            rig.segmenter->split(*time);
        rig.feed({.to = 30 * sec, .gop = 25});
        Stream stream({.playlist_length = 6, .uri_prefix = {}, .epoch = 35});
        conformance::Checker whole, delta;
        size_t listed = 0, gone = 0, playlists = 0, dated = 0;
        std::vector<int64_t> begins;
        for (Segment &segment : rig.segments) {
            if (segment.begins) begins.push_back(segment.place.segment / ms);
            ranges.resolve([&](int64_t time) { return rig.segmenter->date(time); },
                           segment.place.end);
            segment.ranges = ranges.list();
            stream.publish(segment);
            whole.see(text_of(stream));
            delta.see(text_of(stream, playlists++ > 0));
            const auto list = conformance::read(text_of(stream));
            listed += list.ranges.size() == 2;
            gone += list.ranges.empty();
            if (list.ranges.empty()) continue;
            // The date is that of the segment which begins there.
            for (const auto &one : list.segments)
                dated += one.date == list.ranges[0].at("START-DATE");
        }
        fail_unless(whole.problems.empty(), "%s", whole.text().c_str());
        fail_unless(delta.problems.empty(), "%s", delta.text().c_str());
        const std::vector<int64_t> expected{0, 2000, 4000, 5000, 7000, 9000, 10'000, 12'000};
        fail_unless(begins.size() > expected.size() &&
                    std::equal(expected.begin(), expected.end(), begins.begin()));
        // As often as that segment is in the window.
        fail_unless(dated >= 6, "%zu", dated);
        // Listed in advance, and until the range has left the window.
        fail_unless(listed > 3 && gone > 3, "%zu %zu", listed, gone);
    }
}
GST_END_TEST

GST_START_TEST(test_next_producer) {
    Stream stream({.playlist_length = 6, .uri_prefix = {}});
    Segment segment;
    segment.duration = 2 * sec;
    segment.target_duration = 2;
    segment.data = Bytes::copy_of(std::string_view("-"));
    segment.program_date_time = epoch * 1000;
    DateRangeList list(1);
    list[0].id = "a";
    list[0].start = epoch * 1000;
    segment.ranges = std::make_shared<const DateRangeList>(list);
    stream.publish(segment);
    stream.interrupt();
    list[0].id = "b";
    list[0].start += 2000;
    segment.program_date_time += 2000;
    segment.ranges = std::make_shared<const DateRangeList>(list);
    stream.publish(segment);
    const std::string text = text_of(stream);
    fail_unless(text.find("ID=\"a\"") != text.npos && text.find("ID=\"b\"") != text.npos, "%s",
                text.c_str());
}
GST_END_TEST

static Suite *hls_date_ranges_suite() {
    Suite *s = suite_create("hls_date_ranges");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_out_and_in);
    tcase_add_test(tc, test_immediate);
    tcase_add_test(tc, test_same_bytes);
    tcase_add_test(tc, test_return_and_cancel);
    tcase_add_test(tc, test_segmentation);
    tcase_add_test(tc, test_marks);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_session);
    tcase_add_test(tc, test_bounds);
    tcase_add_test(tc, test_playlists);
    tcase_add_test(tc, test_next_producer);
    return s;
}
GST_CHECK_MAIN(hls_date_ranges)
