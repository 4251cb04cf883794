// SPDX-License-Identifier: LGPL-2.1-or-later
// The conformance checker of multivariant playlists: each rule with an example that breaks it.
#include "unit/hls_conformance_renditions.hpp"

#include "core/playlist/multivariant.h"

#include "check.hpp"

using namespace penstock;
using conformance::RenditionsChecker;

namespace {

const std::string good =
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,"
    "AUTOSELECT=YES,CHANNELS=\"2\",URI=\"index/audio_0/index.m3u8\"\n"
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Deutsch\",LANGUAGE=\"de\",DEFAULT=NO,"
    "AUTOSELECT=YES,CHANNELS=\"6\",URI=\"index/audio_1/index.m3u8\"\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=2100000,AVERAGE-BANDWIDTH=2000000,CODECS=\"avc1.64001f,"
    "mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO=\"audio\"\n"
    "index/video_0/index.m3u8\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=700000,CODECS=\"avc1.64001e,mp4a.40.2\",RESOLUTION=640x360,"
    "AUDIO=\"audio\"\n"
    "index/video_1/index.m3u8\n";

/// A media playlist of three segments from number 7, and a part.
const std::string media =
    "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n"
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n"
    "#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n"
    "#EXT-X-MAP:URI=\"init.mp4\"\n"
    "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:00.000Z\n#EXTINF:1.0,\n7.m4s\n"
    "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:01.000Z\n#EXTINF:1.0,\n8.m4s\n"
    "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:02.000Z\n"
    "#EXT-X-PART:DURATION=0.5,URI=\"9.0.m4s\",INDEPENDENT=YES\n"
    "#EXT-X-PART:DURATION=0.5,URI=\"9.1.m4s\"\n#EXTINF:1.0,\n9.m4s\n"
    "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:03.000Z\n"
    "#EXT-X-PART:DURATION=0.5,URI=\"10.0.m4s\",INDEPENDENT=YES\n";

std::string report(const std::string &name, const std::string &edge = "LAST-MSN=10,LAST-PART=0") {
    return "#EXT-X-RENDITION-REPORT:URI=\"../" + name + "/index.m3u8\"," + edge + "\n";
}

std::string with(const std::string &text, const std::string &from, const std::string &to) {
    std::string result = text;
    const size_t at = result.find(from);
    fail_unless(at != result.npos, "the example lacks '%s'", from.c_str());
    return result.replace(at, from.size(), to);
}

GST_START_TEST(test_every_rule_catches_its_example) {
    RenditionsChecker fine;
    fine.see(good);
    fail_unless(fine.problems.empty(), "%s", fine.text().c_str());
    const std::tuple<const char *, const char *, const char *> examples[] = {
        {"header", "#EXTM3U\n", "#EXT\n"},
        {"mixed", "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n"},
        {"mixed", "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-MEDIA-SEQUENCE:1\n"},
        {"uri", "index/video_0/index.m3u8\n", ""},
        {"uri", "index/video_1/index.m3u8\n", ""},
        {"uri", "#EXT-X-INDEPENDENT-SEGMENTS\n", "index.m3u8\n"},
        {"bandwidth", "BANDWIDTH=700000,", ""},
        {"bandwidth", "BANDWIDTH=700000,", "BANDWIDTH=0,"},
        {"bandwidth", "BANDWIDTH=700000,", "BANDWIDTH=7e5,"},
        {"average", "AVERAGE-BANDWIDTH=2000000", "AVERAGE-BANDWIDTH=2200000"},
        {"quote", "CODECS=\"avc1.64001e,mp4a.40.2\"", "CODECS=avc1.64001e"},
        {"quote", "RESOLUTION=640x360", "RESOLUTION=\"640x360\""},
        {"quote", "LANGUAGE=\"de\"", "LANGUAGE=de"},
        {"codecs", "CODECS=\"avc1.64001e,mp4a.40.2\",", ""},
        {"codecs", "avc1.64001e,mp4a.40.2", "avc1.64001e"},
        {"group", "RESOLUTION=640x360,AUDIO=\"audio\"", "RESOLUTION=640x360,AUDIO=\"other\""},
        {"media", "TYPE=AUDIO,", ""},
        {"media", "NAME=\"Deutsch\",", ""},
        {"media", "DEFAULT=NO", "DEFAULT=MAYBE"},
        {"media", "index/audio_1", "http://example.com/audio_1"},
        {"name", "NAME=\"Deutsch\"", "NAME=\"English\""},
        {"default", "DEFAULT=NO", "DEFAULT=YES"},
        {"autoselect", "AUTOSELECT=YES", "AUTOSELECT=NO"},
        {"channels", "CHANNELS=\"6\"", "CHANNELS=\"six\""},
        {"resolution", "640x360", "640*360"},
        {"frame-rate", "29.970", "29.97003"},
        {"frame-rate", "29.970", "30000/1001"},
        {"range", "VIDEO-RANGE=SDR", "VIDEO-RANGE=HDR"},
    };
    for (const auto &[rule, from, to] : examples) {
        RenditionsChecker checker;
        checker.see(with(good, from, to));
        fail_unless(checker.broke(rule), "%s is not caught: %s\nfound: %s", rule, to,
                    checker.text().c_str());
    }
    RenditionsChecker none;
    none.see("#EXTM3U\n");
    fail_unless(none.broke("variants"));
}
GST_END_TEST

GST_START_TEST(test_media_playlists) {
    const auto judged = [](const std::string &a, const std::string &b) {
        RenditionsChecker checker;
        checker.see_media({{"video_0", a}, {"audio_0", b}});
        return checker;
    };
    const std::string first = media + report("audio_0"), second = media + report("video_0");
    fail_unless(judged(first, second).problems.empty(), "%s", judged(first, second).text().c_str());
    const std::tuple<const char *, const char *, const char *> examples[] = {
        {"target-differs", "TARGETDURATION:1", "TARGETDURATION:2"},
        {"control-differs", "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.4"},
        {"date", "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:00.000Z\n", ""},
        {"date-differs", "12:00:01.000Z", "12:00:01.200Z"},
        {"boundary", "#EXTINF:1.0,\n8", "#EXTINF:0.8,\n8"},
        {"discontinuity-differs", "DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:2"},
        {"discontinuity-differs", "#EXT-X-DISCONTINUITY\n", ""},
        {"report-missing", "video_0", "video_1"},
        {"report-unknown", "video_0", "video_1"},
        {"report-self", "video_0", "audio_0"},
        {"report-stale", "LAST-MSN=10", "LAST-MSN=9"},
        {"report-stale", "LAST-PART=0", "LAST-PART=1"},
        {"report-twice", "#EXT-X-RENDITION-REPORT",
         "#EXT-X-RENDITION-REPORT:URI=\"../video_0/index.m3u8\",LAST-MSN=10,LAST-PART=0\n"
         "#EXT-X-RENDITION-REPORT"},
    };
    for (const auto &[rule, from, to] : examples) {
        const RenditionsChecker checker = judged(first, with(second, from, to));
        fail_unless(checker.broke(rule), "%s is not caught: %s\nfound: %s", rule, to,
                    checker.text().c_str());
    }
    // One that has begun later is compared where both are.
    std::string later = with(with(second,
                                  "#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:00.000Z\n#EXTINF:1.0,"
                                  "\n7.m4s\n",
                                  ""),
                             "MEDIA-SEQUENCE:7", "MEDIA-SEQUENCE:8");
    fail_unless(judged(first, later).problems.empty(), "%s", judged(first, later).text().c_str());
}
GST_END_TEST

GST_START_TEST(test_bandwidth) {
    const auto judged = [](const char *bandwidth) {
        RenditionsChecker checker;
        checker.see(with(good, "BANDWIDTH=2100000,AVERAGE", bandwidth));
        checker.see_sizes({{"video_0", {{250'000, 1}, {150'000, 1}}},
                           {"video_1", {{75'000, 1}}},
                           {"audio_0", {{10'000, 1}}},
                           {"audio_1", {{12'500, 1}}}},
                          1);
        return checker;
    };
    fail_unless(judged("BANDWIDTH=2100000,AVERAGE").problems.empty());
    fail_unless(judged("BANDWIDTH=2080000,AVERAGE").broke("bandwidth-low"));
    fail_unless(judged("BANDWIDTH=2400000,AVERAGE").broke("bandwidth-high"));
}
GST_END_TEST

// What the writer makes of awkward names.
GST_START_TEST(test_text) {
    playlist::Multivariant list;
    list.audio.push_back({.group = "audio", .name = "a\"b\nc", .uri = "a.m3u8"});
    list.variants.push_back({.uri = "v.m3u8",
                             .bandwidth = 1,
                             .supplemental_codecs = "dvh1.08.07/db4h",
                             .frame_rate = 23'976,
                             .video_range = "PQ"});
    list.independent_segments = false;
    fail_unless_equals_string(
        playlist::write(list).c_str(),
        "#EXTM3U\n#EXT-X-VERSION:6\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"abc\",DEFAULT=NO,"
        "AUTOSELECT=YES,URI=\"a.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=1,SUPPLEMENTAL-CODECS=\"dvh1.08.07/db4h\","
        "FRAME-RATE=23.976,VIDEO-RANGE=PQ\nv.m3u8\n");
}
GST_END_TEST

} // namespace

static Suite *hls_conformance_renditions_suite() {
    Suite *s = suite_create("hls_conformance_renditions");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_every_rule_catches_its_example);
    tcase_add_test(tc, test_media_playlists);
    tcase_add_test(tc, test_bandwidth);
    tcase_add_test(tc, test_text);
    return s;
}
GST_CHECK_MAIN(hls_conformance_renditions)
