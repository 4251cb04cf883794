// SPDX-License-Identifier: LGPL-2.1-or-later
// Media playlists: golden texts, parsing, dates and init segments.
#include "core/playlist/playlist.h"

#include "check.hpp"

using namespace penstock::playlist;

static MediaPlaylist example() {
    MediaPlaylist list;
    list.target_duration = 3;
    list.media_sequence = 41;
    list.discontinuity_sequence = 2;
    list.segments = {{"seg-a-41.ts", 2'002'133'400, false, 1'772'366'400'123},
                     {"seg-a-42.ts", 1'999'999'999, true, std::nullopt}};
    return list;
}

GST_START_TEST(test_golden) {
    MediaPlaylist list = example();
    const std::string live = "#EXTM3U\n"
                             "#EXT-X-VERSION:3\n"
                             "#EXT-X-TARGETDURATION:3\n"
                             "#EXT-X-MEDIA-SEQUENCE:41\n"
                             "#EXT-X-DISCONTINUITY-SEQUENCE:2\n"
                             "#EXT-X-INDEPENDENT-SEGMENTS\n"
                             "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:00.123Z\n"
                             "#EXTINF:2.002133,\n"
                             "seg-a-41.ts\n"
                             "#EXT-X-DISCONTINUITY\n"
                             "#EXTINF:2.000000,\n"
                             "seg-a-42.ts\n";
    fail_unless(write(list) == live, "%s", write(list).c_str());
    list.type = Type::vod;
    list.ended = true;
    const std::string vod = write(list);
    fail_unless(vod.find("#EXT-X-PLAYLIST-TYPE:VOD\n") != vod.npos);
    fail_unless(vod.ends_with("seg-a-42.ts\n#EXT-X-ENDLIST\n"));
}
GST_END_TEST

GST_START_TEST(test_parse_back) {
    MediaPlaylist list = example(), back;
    list.type = Type::event;
    list.ended = true;
    list.segments[0].duration = 2'002'133'000;
    list.segments[1].duration = 2'000'000'000;
    fail_unless(parse(write(list), back).is_ok());
    fail_unless(back.segments == list.segments && back.ended && back.type == Type::event);
    fail_unless(back.target_duration == 3 && back.media_sequence == 41 &&
                back.discontinuity_sequence == 2 && back.independent_segments);
    // A playlist of another program: integer durations, CRLF, unknown tags, a title, an offset in
    // the date.
    fail_unless(parse("#EXTM3U\r\n#EXT-X-FOO:1\r\n# note\r\n\r\n#EXT-X-PROGRAM-DATE-TIME:"
                      "2026-03-01T13:30:00.5+01:30\r\n#EXTINF:10,title, x\r\na b.ts",
                      back)
                    .is_ok());
    fail_unless(back.segments.size() == 1 && back.segments[0].duration == 10'000'000'000);
    fail_unless_equals_string(back.segments[0].uri.c_str(), "a b.ts");
    fail_unless_equals_int64(*back.segments[0].program_date_time, 1'772'366'400'500);
}
GST_END_TEST

GST_START_TEST(test_bad_playlists) {
    MediaPlaylist list;
    for (const char *bad :
         {"", "\n", "hello", "#EXTM3U8\n", "#EXTM3U\nno-duration.ts\n", "#EXTM3U\n#EXTINF:,\nx\n",
          "#EXTM3U\n#EXTINF:-1,\nx\n", "#EXTM3U\n#EXTINF:1.-5,\nx\n",
          "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:-1\n", "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:x\n",
          "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:99999999999999999999999\n",
          "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n",
          "#EXTM3U\n#EXT-X-DISCONTINUITY-SEQUENCE:18446744073709551615\n",
          "#EXTM3U\n#EXT-X-TARGETDURATION:18446744073709551615\n",
          "#EXTM3U\n#EXTINF:4294967295.9999999,\nx\n",
          "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8\n",
          "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:2026-13-01T00:00:00Z\n"}) {
        const auto result = parse(bad, list);
        fail_unless(result.is_error() && !result.reason().empty(), "'%s' passed", bad);
    }
    fail_unless(parse("#EXTM3U\n#EXTINF:1,\na\n#EXTINF:1,\nb\n", list, 1).is_error());
    // Any prefix of a good playlist is read without harm.
    const std::string whole = write(example());
    for (size_t size = 0; size <= whole.size(); ++size)
        (void)parse(std::string_view(whole).substr(0, size), list);
}
GST_END_TEST

GST_START_TEST(test_dates) {
    fail_unless(format_date(0) == "1970-01-01T00:00:00.000Z");
    fail_unless(format_date(951'782'400'000) == "2000-02-29T00:00:00.000Z");
    fail_unless(format_date(4'107'542'399'999) == "2100-02-28T23:59:59.999Z");
    fail_unless(format_date(-1) == "1969-12-31T23:59:59.999Z");
    for (int64_t ms = 0; ms < 4'000'000'000'000; ms += 86'399'997 * 13LL)
        fail_unless_equals_int64(*parse_date(format_date(ms)), ms);
    for (const char *bad :
         {"", "2026-03-01", "2026-03-01T12:00:00", "2026-00-01T12:00:00Z", "2026-03-01T24:00:00Z",
          "2026-03-01T12:00:00.1", "2026-03-01T12:00:00+1"})
        fail_if(parse_date(bad), "'%s' was taken for a date", bad);
}
GST_END_TEST

GST_START_TEST(test_init_segments) {
    MediaPlaylist list = example(), back;
    list.segments.push_back({"seg-a-43.m4s", 2'000'000'000, false, std::nullopt});
    list.segments[0].map = list.segments[1].map = "init-a-41.mp4";
    list.segments[2].map = "init-a-43.mp4";
    list.segments[0].duration = 2'002'133'000;
    list.segments[1].duration = 2'000'000'000;
    const std::string text = write(list);
    // The tag stands once, where it begins to apply: after the discontinuity and before the
    // segment.
    size_t count = 0;
    for (size_t at = 0; (at = text.find("#EXT-X-MAP:", at)) != text.npos; ++at)
        ++count;
    fail_unless_equals_int(int(count), 2);
    fail_unless(text.find("#EXT-X-MAP:URI=\"init-a-43.mp4\"\n#EXTINF:2.000000,\nseg-a-43.m4s\n") !=
                text.npos);
    fail_unless(parse(text, back).is_ok() && back.segments == list.segments);
    fail_unless(
        parse("#EXTM3U\n#EXT-X-MAP:BYTERANGE=\"9@0\",URI=\"a,b.mp4\"\n#EXTINF:1,\nx\n", back)
            .is_ok());
    fail_unless(back.segments[0].map == "a,b.mp4");
    for (const char *bad : {"", "URI=", "URI=\"", "URI=\"\"", "XURI=\"a\"", "URI=a"})
        fail_unless(parse("#EXTM3U\n#EXT-X-MAP:" + std::string(bad) + "\n", back).is_error(), "%s",
                    bad);
}
GST_END_TEST

GST_START_TEST(test_byte_ranges) {
    MediaPlaylist list = example(), back;
    list.segments.push_back({"one.mp4", 2'000'000'000, true, std::nullopt});
    list.segments[0].duration = list.segments[1].duration = 2'000'000'000;
    for (Segment &segment : list.segments)
        segment.uri = segment.map = "one.mp4";
    list.segments[0].map_range = list.segments[1].map_range = ByteRange{700, 0};
    list.segments[0].range = ByteRange{1000, 700};
    list.segments[1].range = ByteRange{5'000'000'000, 1700};
    // Another init segment in the same file.
    list.segments[2].map_range = ByteRange{710, 5'000'001'700};
    list.segments[2].range = ByteRange{1, 5'000'002'410};
    const std::string text = write(list);
    for (const char *lines :
         {"#EXT-X-MAP:URI=\"one.mp4\",BYTERANGE=\"700@0\"\n",
          "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:5000000000@1700\none.mp4\n",
          "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"one.mp4\",BYTERANGE=\"710@5000001700\"\n"
          "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:1@5000002410\n"}) {
        const size_t at = text.find(lines);
        fail_unless(at != text.npos && text.find(lines, at + 1) == text.npos, "%s", text.c_str());
    }
    fail_unless(parse(text, back).is_ok() && back.segments == list.segments);

    // Without an offset a range follows the one before it.
    fail_unless(parse("#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:10@5\na\n#EXT-X-BYTERANGE:7\n"
                      "#EXTINF:1,\na\n#EXTINF:1,\nb\n",
                      back)
                    .is_ok());
    fail_unless(back.segments[1].range == ByteRange({7, 15}) && !back.segments[2].range);
    for (const char *bad : {"", "@", "1@", "@1", "-1@0", "1@-1", "1@2@3", "99999999999999999999"})
        fail_unless(parse("#EXTM3U\n#EXT-X-BYTERANGE:" + std::string(bad) + "\n", back).is_error(),
                    "%s", bad);
    fail_unless(parse("#EXTM3U\n#EXT-X-MAP:URI=\"a\",BYTERANGE=\"x\"\n", back).is_error());
    // What looks like an attribute in a value is none.
    fail_unless(
        parse("#EXTM3U\n#EXT-X-MAP:X=1,URI=\"a,BYTERANGE=\"\n#EXTINF:1,\nx\n", back).is_ok());
    fail_unless(back.segments[0].map == "a,BYTERANGE=" && !back.segments[0].map_range);
}
GST_END_TEST

static Suite *playlist_suite() {
    Suite *s = suite_create("playlist");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_golden);
    tcase_add_test(tc, test_parse_back);
    tcase_add_test(tc, test_init_segments);
    tcase_add_test(tc, test_byte_ranges);
    tcase_add_test(tc, test_bad_playlists);
    tcase_add_test(tc, test_dates);
    return s;
}
GST_CHECK_MAIN(playlist)
