// SPDX-License-Identifier: LGPL-2.1-or-later
// The playlist of a stream: its window, discontinuities, target duration, end and resumption.
#include "core/hls/stream.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::hls;

static Segment segment(int64_t ms = 2000, bool discontinuity = false) {
    Segment segment;
    segment.data = Bytes::copy_of(std::string(size_t(ms / 2), 'x'));
    segment.duration = ms * 1'000'000;
    segment.target_duration = uint64_t(ms + 500) / 1000;
    segment.discontinuity = discontinuity;
    segment.codecs = "avc1.64000d";
    segment.width = 320;
    segment.height = 240;
    segment.has_video = true;
    return segment;
}

static playlist::MediaPlaylist parsed(const Stream &stream) {
    playlist::MediaPlaylist list;
    const Bytes text = stream.playlist();
    fail_unless(
        playlist::parse({reinterpret_cast<const char *>(text.data()), text.size()}, list).is_ok());
    return list;
}

GST_START_TEST(test_window) {
    Stream stream({.playlist_length = 3, .extra = 2, .epoch = 35});
    fail_unless(stream.playlist().empty());
    std::vector<std::string> names, gone;
    for (int i = 0; i < 10; ++i) {
        names.push_back(stream.next_name());
        for (auto &name : stream.publish(segment()))
            gone.push_back(std::move(name));
        const auto list = parsed(stream);
        fail_unless_equals_uint64(list.media_sequence, i < 3 ? 0 : i - 2);
        fail_unless_equals_int(list.segments.size(), std::min(i + 1, 3));
        fail_unless(list.segments.back().uri == names.back());
        fail_if(list.ended);
    }
    fail_unless(names[0] == "seg-z-0.ts" && names[9] == "seg-z-9.ts");
    fail_unless(std::set<std::string>(names.begin(), names.end()).size() == 10);
    Bytes data;
    for (size_t i = 0; i < 10; ++i)
        fail_unless_equals_int(stream.segment(names[i], data), i >= 5); // 7 8 9 listed, 5 6 served
    fail_unless(gone == std::vector<std::string>(names.begin(), names.begin() + 5));
    fail_if(stream.segment("seg-z-10.ts", data));
    const Stream::Info info = stream.info();
    fail_unless_equals_uint64(info.segments, 10);
    fail_unless_equals_uint64(info.bitrate, 4000); // 1000 bytes in 2 s
    fail_unless(info.width == 320 && info.codecs == "avc1.64000d");
    stream.end();
    fail_unless(parsed(stream).ended && stream.info().ended);
}
GST_END_TEST

// RFC 8216, 6.2.2: no segment is removed if less than three target durations would be left.
GST_START_TEST(test_short_segments) {
    Stream stream({.playlist_length = 3, .extra = 0});
    for (int i = 0; i < 40; ++i) {
        stream.publish(segment(i % 7 == 0 ? 2000 : 500)); // as breaks cut them
        const auto list = parsed(stream);
        int64_t length = 0;
        for (const auto &one : list.segments)
            length += one.duration;
        fail_unless(list.media_sequence == 0 || length >= 6'000'000'000);
        // It is no longer than that needs.
        fail_unless(list.segments.size() <= 3 ||
                    length - list.segments[0].duration < 6'000'000'000);
    }
    fail_unless(parsed(stream).media_sequence > 20);
}
GST_END_TEST

GST_START_TEST(test_discontinuities) {
    Stream stream({.playlist_length = 3, .extra = 0});
    stream.interrupt(); // the first producer interrupts nothing
    stream.publish(segment(2000, true));
    fail_if(parsed(stream).segments[0].discontinuity);
    stream.publish(segment());
    stream.interrupt(); // a republish
    stream.publish(segment());
    stream.publish(segment());
    auto list = parsed(stream);
    fail_unless(list.media_sequence == 1 && list.discontinuity_sequence == 0);
    fail_unless(!list.segments[0].discontinuity && list.segments[1].discontinuity);
    stream.publish(segment());
    list = parsed(stream); // its tag is the first thing in the list now
    fail_unless(list.discontinuity_sequence == 0 && list.segments[0].discontinuity);
    stream.publish(segment());
    list = parsed(stream); // and now it is gone
    fail_unless(list.discontinuity_sequence == 1 && !list.segments[0].discontinuity);
    stream.publish(segment(2000, true));
    stream.publish(segment(2000, true));
    for (int i = 0; i < 3; ++i)
        stream.publish(segment());
    fail_unless_equals_uint64(parsed(stream).discontinuity_sequence, 3);
}
GST_END_TEST

// RFC 8216, 6.2.1: a segment that a viewer may have seen neither grows nor shrinks.
GST_START_TEST(test_target_duration) {
    Stream stream({.playlist_length = 2, .target_duration = 1'500'000'000});
    fail_unless_equals_uint64(stream.info().target_duration, 0);
    stream.set_target_duration(3'000'000'000);
    stream.publish(segment(1400));
    fail_unless_equals_uint64(parsed(stream).target_duration, 3);
    fail_unless_equals_uint64(stream.info().target_duration, 3);
    stream.set_target_duration(6'000'000'000);
    Segment later = segment(2499);
    later.target_duration = 5; // another producer's
    stream.publish(later);
    for (int i = 0; i < 5; ++i) {
        stream.publish(segment(1000));
        fail_unless_equals_uint64(parsed(stream).target_duration, 3);
    }
    Stream late({.playlist_length = 2, .target_duration = 2'000'000'000});
    late.publish(segment(5200)); // the keyframe interval
    fail_unless_equals_uint64(parsed(late).target_duration, 5);
}
GST_END_TEST

GST_START_TEST(test_end_is_final) {
    Stream stream({.playlist_length = 3});
    stream.publish(segment());
    stream.end();
    const Bytes ended = stream.playlist();
    fail_unless(stream.publish(segment()).empty());
    stream.interrupt();
    stream.publish(segment());
    const Bytes after = stream.playlist();
    fail_unless(std::equal(ended.begin(), ended.end(), after.begin(), after.end()));
    fail_unless_equals_uint64(stream.info().segments, 1);
}
GST_END_TEST

GST_START_TEST(test_independent_segments) {
    Stream stream({.playlist_length = 3});
    for (bool independent : {true, false, true, true, true}) {
        Segment next = segment();
        next.independent = independent;
        stream.publish(next);
        const auto list = parsed(stream);
        const bool both =
            list.media_sequence == 0 ? list.segments.size() == 1 : list.media_sequence == 2;
        fail_unless_equals_int(list.independent_segments, both);
    }
}
GST_END_TEST

GST_START_TEST(test_event) {
    Stream stream({.playlist_length = 0});
    for (int i = 0; i < 100; ++i)
        fail_unless(stream.publish(segment()).empty());
    stream.end();
    const auto list = parsed(stream);
    fail_unless(list.segments.size() == 100 && list.type == playlist::Type::event && list.ended);
}
GST_END_TEST

GST_START_TEST(test_resume) {
    Stream first({.playlist_length = 3, .epoch = 1});
    for (int i = 0; i < 8; ++i)
        first.publish(segment(2000, i == 6));
    first.end();
    Stream kept({.playlist_length = 3, .extra = 0, .epoch = 2});
    kept.resume(parsed(first), true);
    fail_unless(parsed(kept).segments.size() == 3 && !parsed(kept).ended);
    const auto gone = kept.publish(segment());
    fail_unless(gone == std::vector<std::string>{"seg-1-5.ts"});
    auto list = parsed(kept);
    fail_unless(list.media_sequence == 6 && list.segments[2].uri == "seg-2-8.ts" &&
                list.segments[2].discontinuity && list.segments[0].discontinuity);
    fail_unless_equals_uint64(list.discontinuity_sequence, 0);

    Stream bare({.playlist_length = 3, .epoch = 3});
    bare.resume(parsed(first), false);
    fail_unless(bare.playlist().empty());
    bare.publish(segment());
    list = parsed(bare);
    fail_unless(list.media_sequence == 8 && list.discontinuity_sequence == 1 &&
                list.segments[0].discontinuity);
}
GST_END_TEST

GST_START_TEST(test_names) {
    uint64_t epoch = 0, number = 0;
    fail_unless(parse_segment_name("seg-m5yoj2kq-42.ts", ".ts", epoch, number) && number == 42);
    for (const char *bad :
         {"", "seg-.ts", "seg-a.ts", "seg-a-.ts", "seg--1.ts", "seg-A-1.ts", "seg-a-01.ts",
          "seg-a-1.tss", "seg-a-1", "xseg-a-1.ts", "seg-a-1-2.ts", "seg-a-+1.ts", "../seg-a-1.ts",
          "seg-zzzzzzzzzzzzzzzz-1.ts", "holiday.ts"})
        fail_if(parse_segment_name(bad, ".ts", epoch, number), "%s", bad);
}
GST_END_TEST

// Names, content types and versions come from the container format.
GST_START_TEST(test_container) {
    Stream stream(
        {.playlist_length = 3, .epoch = 35, .container = {".m4s", "video/iso.segment", 7}});
    fail_unless_equals_string(stream.next_name().c_str(), "seg-z-0.m4s");
    stream.publish(segment());
    const Bytes text = stream.playlist();
    const std::string_view playlist(reinterpret_cast<const char *>(text.data()), text.size());
    fail_unless(playlist.find("#EXT-X-VERSION:7\n") != playlist.npos);
    fail_unless(stream.container().mime_type == "video/iso.segment");
    uint64_t epoch = 0, number = 0;
    fail_unless(parse_segment_name("seg-z-0.m4s", ".m4s", epoch, number) && epoch == 35);
    fail_if(parse_segment_name("seg-z-0.ts", ".m4s", epoch, number));
}
GST_END_TEST

// Readers concurrent with a writer: every segment that the playlist names exists.
GST_START_TEST(test_threads) {
    Stream stream({.playlist_length = 3});
    std::atomic<bool> stop{false};
    std::atomic<int> missing{0}, checked{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            while (!stop) {
                const Bytes text = stream.playlist();
                playlist::MediaPlaylist list;
                if (text.empty() ||
                    !playlist::parse({reinterpret_cast<const char *>(text.data()), text.size()},
                                     list)
                         .is_ok())
                    continue;
                Bytes data;
                // Meanwhile the window may have advanced by at most the number of segments that are
                // still served.
                if (!stream.segment(list.segments.back().uri, data) &&
                    stream.info().media_sequence < list.media_sequence + 5)
                    ++missing;
                ++checked;
            }
        });
    for (int i = 0; i < 3000 || (checked == 0 && i < 3'000'000); ++i)
        stream.publish(segment());
    stop = true;
    for (auto &reader : readers)
        reader.join();
    fail_unless_equals_int(missing, 0);
    fail_unless(checked > 0);
}
GST_END_TEST

static Suite *hls_stream_suite() {
    Suite *s = suite_create("hls_stream");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_window);
    tcase_add_test(tc, test_short_segments);
    tcase_add_test(tc, test_discontinuities);
    tcase_add_test(tc, test_target_duration);
    tcase_add_test(tc, test_end_is_final);
    tcase_add_test(tc, test_independent_segments);
    tcase_add_test(tc, test_event);
    tcase_add_test(tc, test_resume);
    tcase_add_test(tc, test_names);
    tcase_add_test(tc, test_container);
    tcase_add_test(tc, test_threads);
    return s;
}
GST_CHECK_MAIN(hls_stream)
