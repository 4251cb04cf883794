// SPDX-License-Identifier: LGPL-2.1-or-later
// The conformance checker: each rule with an example that breaks it. Then it judges our playlists:
// those of streams over a long life, and low-latency ones with their delta updates.
#include "unit/hls_conformance.hpp"

#include "core/hls/cmaf_writer.h"
#include "core/hls/stream.h"
#include "core/playlist/playlist.h"

#include "check.hpp"

using namespace penstock;
using conformance::Checker;

namespace {

constexpr int64_t ms = 1'000'000;

const std::string good =
    "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n"
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,HOLD-BACK=3.0,PART-HOLD-BACK=1."
    "5\n"
    "#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n"
    "#EXT-X-MAP:URI=\"init.mp4\"\n"
    "#EXTINF:1.0,\n7.m4s\n#EXTINF:1.0,\n8.m4s\n"
    "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:00.000Z\n"
    "#EXT-X-PART:DURATION=0.5,URI=\"9.0.m4s\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.5,URI=\"9.1."
    "m4s\"\n"
    "#EXTINF:1.0,\n9.m4s\n"
    "#EXT-X-PART:DURATION=0.3,URI=\"10.0.m4s\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.45,URI=\"10."
    "1.m4s\"\n"
    "#EXT-X-PART:DURATION=0.25,URI=\"10.2.m4s\"\n#EXTINF:1.0,\n10.m4s\n"
    "#EXT-X-PART:DURATION=0.5,URI=\"11.0.m4s\"\n#EXT-X-PART:DURATION=0.5,URI=\"11.1.m4s\"\n#EXTINF:"
    "1.0,\n11.m4s\n"
    "#EXT-X-PART:DURATION=0.5,URI=\"12.0.m4s\",INDEPENDENT=YES\n"
    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"12.1.m4s\"\n"
    "#EXT-X-RENDITION-REPORT:URI=\"../audio/index.m3u8\",LAST-MSN=12,LAST-PART=0\n";

std::string with(const std::string &text, const std::string &from, const std::string &to) {
    std::string result = text;
    const size_t at = result.find(from);
    fail_unless(at != result.npos, "the example lacks '%s'", from.c_str());
    return result.replace(at, from.size(), to);
}

/// The next playlist, with one more part.
std::string next_part() {
    return with(with(good, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"12.1.m4s\"\n",
                     "#EXT-X-PART:DURATION=0.5,URI=\"12.1.m4s\"\n"
                     "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"13.0.m4s\"\n"),
                "LAST-PART=0", "LAST-PART=1");
}

struct Example {
    const char *rule;
    std::vector<std::string> playlists;
};

std::vector<Example> examples() {
    std::vector<Example> list;
    // A single playlist with one replacement.
    const auto one = [&](const char *rule, const std::string &from, const std::string &to) {
        list.push_back({rule, {with(good, from, to)}});
    };
    // A good playlist, then the one with the next part and one replacement.
    const auto two = [&](const char *rule, const std::string &from, const std::string &to) {
        list.push_back({rule, {good, with(next_part(), from, to)}});
    };
    one("header", "#EXTM3U\n", "# hello\n");
    one("once", "#EXT-X-TARGETDURATION:1\n", "#EXT-X-TARGETDURATION:1\n#EXT-X-TARGETDURATION:1\n");
    one("target", "#EXT-X-TARGETDURATION:1\n", "");
    one("target", "TARGETDURATION:1\n", "TARGETDURATION:1.0\n");
    one("target", "TARGETDURATION:1\n", "TARGETDURATION:0\n");
    one("long", "#EXTINF:1.0,\n7.m4s", "#EXTINF:1.5,\n7.m4s");
    one("extinf", "#EXTINF:1.0,\n7.m4s", "7.m4s");
    one("extinf", "#EXTINF:1.0,\n7.m4s", "#EXTINF:1.0\n7.m4s");
    one("extinf", "#EXTINF:1.0,\n7.m4s", "#EXTINF:0,\n7.m4s");
    one("map", "#EXT-X-MAP:URI=\"init.mp4\"\n", "");
    one("version", "VERSION:9", "VERSION:5");
    one("version", "VERSION:9", "VERSION:2");
    one("type", "#EXT-X-PART-INF", "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-PART-INF");
    one("type", "#EXT-X-PART-INF", "#EXT-X-PLAYLIST-TYPE:LIVE\n#EXT-X-PART-INF");
    one("order", "#EXTINF:1.0,\n8.m4s\n", "#EXTINF:1.0,\n8.m4s\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n");
    one("order",
        "#EXT-X-PART:DURATION=0.5,URI=\"11.0.m4s\"\n#EXT-X-PART:DURATION=0.5,URI=\"11.1.m4s\"\n#"
        "EXTINF:1.0,\n",
        "#EXT-X-PART:DURATION=0.5,URI=\"11.0.m4s\"\n#EXTINF:1.0,\n#EXT-X-PART:DURATION=0.5,URI="
        "\"11.1.m4s\"\n");
    one("order", "INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.5,URI=\"9.1",
        "INDEPENDENT=YES\n#EXT-X-PROGRAM-DATE-TIME:2026-03-01T12:00:00.500Z\n#EXT-X-PART:DURATION="
        "0.5,URI=\"9.1");
    one("part-inf", "#EXT-X-PART-INF:PART-TARGET=0.5\n", "");
    one("part-inf", "PART-TARGET=0.5", "PART=0.5");
    one("part", "DURATION=0.5,URI=\"11.0.m4s\"", "URI=\"11.0.m4s\"");
    one("part-long", "DURATION=0.5,URI=\"11.0", "DURATION=0.501,URI=\"11.0");
    one("part-long", "DURATION=0.5,URI=\"12.0", "DURATION=0.501,URI=\"12.0");
    one("part-short", "DURATION=0.5,URI=\"11.0", "DURATION=0.42,URI=\"11.0");
    one("part-short", "DURATION=0.45,URI=\"10.1", "DURATION=0.4,URI=\"10.1");
    one("part-sum", "DURATION=0.5,URI=\"11.1", "DURATION=0.47,URI=\"11.1");
    one("part-gone",
        "#EXT-X-PART:DURATION=0.5,URI=\"11.0.m4s\"\n#EXT-X-PART:DURATION=0.5,URI=\"11.1.m4s\"\n",
        "");
    one("hold-back", ",PART-HOLD-BACK=1.5", "");
    one("hold-back", "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=0.9");
    one("hold-back", ",HOLD-BACK=3.0", ",HOLD-BACK=2.0");
    one("skip", "CAN-SKIP-UNTIL=6.0", "CAN-SKIP-UNTIL=5.0");
    one("skip", "CAN-SKIP-UNTIL=6.0", "CAN-SKIP-DATERANGES=YES");
    one("hint", "TYPE=PART,URI=\"12.1", "TYPE=SEGMENT,URI=\"12.1");
    one("hint", "#EXT-X-RENDITION",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"12.2.m4s\"\n#EXT-X-RENDITION");
    one("hint", "#EXT-X-RENDITION", "#EXT-X-ENDLIST\n#EXT-X-RENDITION");
    one("hint", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"12.1.m4s\"\n", "");
    one("control", "CAN-BLOCK-RELOAD=YES,", "");
    one("text", "9.m4s\n", "9\x01.m4s\n");
    one("text", "9.m4s\n", "9\xC2\x85.m4s\n");
    one("text", "9.m4s\n", "9\xFF.m4s\n");
    one("text", "#EXTM3U", "\xEF\xBB\xBF#EXTM3U");
    one("mixed", "#EXT-X-PART-INF", "#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-PART-INF");
    one("attribute", "HOLD-BACK=3.0", "HOLD-BACK=3.0,HOLD-BACK=3.0");
    one("attribute", "HOLD-BACK=3.0", "hold-back=3.0");
    one("attribute", "LAST-PART=0", "LAST-PART=0,");
    one("attribute", "URI=\"12.1.m4s\"", "URI=\"12.1.m4s");
    for (const char *range : {"DURATION=-1", "END-DATE=\"2026-03-01T11:00:00Z\"", "END-ON-NEXT=YES",
                              "CLASS=\"a\",END-ON-NEXT=YES,DURATION=1", "PLANNED-DURATION=-0.5"})
        one("range", "#EXT-X-MAP",
            "#EXT-X-DATERANGE:ID=\"1\",START-DATE=\"2026-03-01T12:00:00Z\"," + std::string(range) +
                "\n#EXT-X-MAP");
    one("report", "../audio", "http://example.com/audio");
    one("report", "LAST-MSN=12,", "");
    one("report", ",LAST-PART=0", "");
    two("target-changed", "TARGETDURATION:1\n", "TARGETDURATION:2\n");
    two("part-target-changed", "PART-TARGET=0.5", "PART-TARGET=0.55");
    two("hold-back-changed", "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.6");
    two("sequence", "MEDIA-SEQUENCE:7", "MEDIA-SEQUENCE:6");
    two("discontinuity", "DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:2");
    two("append", "8.m4s", "8b.m4s");
    two("append", "12:00:00.000Z", "12:00:00.001Z");
    two("append", "DURATION=0.5,URI=\"12.0", "DURATION=0.49,URI=\"12.0");
    two("hint", "URI=\"12.1.m4s\"", "URI=\"12-1.m4s\"");
    two("skip", "#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1.0,\n7.m4s\n",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n");
    list.push_back(
        {"skip", {with(good, "#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXT-X-MAP")}});
    list.push_back({"version",
                    {with(with(good, "VERSION:9", "VERSION:8"), "#EXT-X-MAP",
                          "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXT-X-MAP")}});

    const std::string classic =
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXTINF:2.0,\na.ts\n#EXTINF:2.0,\nb.ts\n#EXTINF:2.0,\nc.ts\n";
    const std::string more = "#EXTINF:2.0,\nd.ts\n", end = "#EXT-X-ENDLIST\n";
    list.push_back({"end", {classic + end, classic}});
    list.push_back({"end", {classic + end, classic + more + end}});
    list.push_back({"append", {classic + more, classic}});
    list.push_back(
        {"window",
         {classic, with(with(classic, "#EXTINF:2.0,\na.ts\n", ""), "SEQUENCE:0", "SEQUENCE:1")}});
    const auto ranges = [&](const char *first, const char *second) {
        return with(with(with(classic, "VERSION:3", "VERSION:4"), "a.ts",
                         std::string("#EXT-X-BYTERANGE:") + first + "\nall.ts"),
                    "b.ts", std::string("#EXT-X-BYTERANGE:") + second + "\nall.ts");
    };
    Checker single;
    single.see(ranges("100@0", "50"));
    fail_unless(single.problems.empty(), "%s", single.text().c_str());
    list.push_back({"version", {with(ranges("100@0", "50"), "VERSION:4", "VERSION:3")}});
    list.push_back({"byterange", {ranges("100", "50@100")}});
    list.push_back({"byterange", {ranges("100@0", "50-60")}});
    list.push_back({"byterange", {with(ranges("100@0", "50"), "all.ts", "other.ts")}});
    list.push_back({"version",
                    {with(good, "#EXT-X-MAP",
                          "#EXT-X-SKIP:SKIPPED-SEGMENTS=1,RECENTLY-REMOVED-DATERANGES=\"\"\n"
                          "#EXT-X-MAP")}});
    const std::string event = with(classic, "#EXTINF", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF");
    list.push_back(
        {"type",
         {event,
          with(with(event, "#EXTINF:2.0,\na.ts\n", ""), "SEQUENCE:0", "SEQUENCE:1") + more}});
    const std::string marked =
        with(classic, "#EXTINF:2.0,\na.ts", "#EXT-X-DISCONTINUITY\n#EXTINF:2.0,\na.ts");
    list.push_back({"discontinuity",
                    {marked, with(with(marked, "#EXT-X-DISCONTINUITY\n#EXTINF:2.0,\na.ts\n", ""),
                                  "SEQUENCE:0", "SEQUENCE:1") +
                                 more}});
    return list;
}

GST_START_TEST(test_every_rule_catches_its_example) {
    Checker fine;
    fine.see(good);
    fine.see(next_part());
    fail_unless(fine.problems.empty(), "%s", fine.text().c_str());
    for (const Example &example : examples()) {
        Checker checker;
        for (const std::string &text : example.playlists)
            checker.see(text);
        fail_unless(checker.broke(example.rule), "%s is not caught; found: %s\n%s", example.rule,
                    checker.text().c_str(), example.playlists.back().c_str());
    }
}
GST_END_TEST

std::string text_of(const Bytes &bytes) {
    return {bytes.begin(), bytes.end()};
}

/// Streams of our own: long, with discontinuities, producers that come and go, and an end.
GST_START_TEST(test_streams) {
    for (const bool cmaf : {false, true}) {
        hls::Stream stream({.playlist_length = 6,
                            .extra = 7,
                            .container = cmaf ? hls::cmaf_container : hls::ts_container});
        Checker checker;
        std::mt19937 random(7);
        for (int i = 0; i < 300; ++i) {
            hls::Segment segment;
            segment.data = Bytes::copy_of(std::string_view("media"));
            if (cmaf) segment.init = Bytes::copy_of(std::string_view(i / 50 % 2 ? "one" : "two"));
            segment.duration = (1500 + int64_t(random() % 900)) * ms;
            segment.target_duration = 2;
            segment.discontinuity = random() % 20 == 0 || (cmaf && i % 50 == 0);
            if (random() % 40 == 0) stream.interrupt();
            stream.publish(segment);
            checker.see(text_of(stream.playlist()));
        }
        stream.end();
        checker.see(text_of(stream.playlist()));
        fail_unless(checker.problems.empty(), "%s", checker.text().c_str());
    }
}
GST_END_TEST

/// A low-latency playlist that grows part by part.
struct Growing {
    playlist::MediaPlaylist list;
    uint64_t number = 0, part = 0;

    Growing() {
        list.version = 6;
        list.target_duration = 1;
        list.control = playlist::ServerControl{true, 6000 * ms, 3000 * ms, 202 * ms, 606 * ms};
        list.open.map = "init.mp4";
    }
    std::string part_uri(uint64_t segment, uint64_t index) const {
        return "seg-" + std::to_string(segment) + "." + std::to_string(index) + ".m4s";
    }
    void add_part(int64_t duration, bool last) {
        if (part == 0) list.open.program_date_time = int64_t(number) * 1000;
        list.open.parts.push_back({part_uri(number, part), duration, part == 0});
        ++part;
        if (last) {
            playlist::Segment segment = std::exchange(list.open, {});
            segment.uri = "seg-" + std::to_string(number) + ".m4s";
            for (const playlist::Part &p : segment.parts)
                segment.duration += p.duration;
            list.open.map = segment.map;
            list.segments.push_back(segment);
            ++number;
            part = 0;
        }
        list.hint_part = part_uri(number, part);
        // Parts are removed three target durations behind the end, segments after twenty.
        if (list.segments.size() > 4) list.segments[list.segments.size() - 5].parts.clear();
        if (list.segments.size() > 20) {
            list.segments.erase(list.segments.begin());
            ++list.media_sequence;
        }
    }
};

GST_START_TEST(test_low_latency) {
    Growing growing;
    Checker whole, delta;
    size_t shortest = SIZE_MAX;
    for (int i = 0; i < 500; ++i) {
        growing.add_part(200 * ms, i % 5 == 4);
        const std::string full = playlist::write(growing.list);
        whole.see(full);
        const std::string update = playlist::write_delta(growing.list);
        delta.see(i == 0 ? full : update);
        if (i < 5 * 7) fail_unless(update == full); // nothing is old enough yet
        if (i > 200) {
            fail_unless(update.find("#EXT-X-SKIP:SKIPPED-SEGMENTS=") != update.npos);
            fail_unless(update.find("#EXT-X-MAP") == update.npos);
            shortest = std::min(shortest, full.size() - update.size());
        }
    }
    fail_unless(whole.problems.empty(), "%s", whole.text().c_str());
    fail_unless(delta.problems.empty(), "%s", delta.text().c_str());
    fail_unless(shortest > 500, "%zu bytes saved", shortest);
}
GST_END_TEST

GST_START_TEST(test_low_latency_text) {
    Growing growing;
    for (int i = 0; i < 6; ++i)
        growing.add_part(200 * ms, i % 5 == 4);
    growing.list.reports.push_back({"../audio/index.m3u8", 1, 0});
    growing.list.hint_map = "init-2.mp4";
    growing.list.open.parts[0].gap = true;
    const std::string text = playlist::write(growing.list);
    for (const char *line :
         {"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.000000,HOLD-BACK=3.000000,"
          "PART-HOLD-BACK=0.606000\n",
          "#EXT-X-PART-INF:PART-TARGET=0.202000\n",
          "#EXT-X-PART:DURATION=0.200000,URI=\"seg-0.0.m4s\",INDEPENDENT=YES\n",
          "#EXT-X-PART:DURATION=0.200000,URI=\"seg-0.1.m4s\"\n",
          "#EXT-X-PART:DURATION=0.200000,URI=\"seg-1.0.m4s\",INDEPENDENT=YES,GAP=YES\n",
          "#EXTINF:1.000000,\nseg-0.m4s\n", "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"init-2.mp4\"\n",
          "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"seg-1.1.m4s\"\n",
          "#EXT-X-RENDITION-REPORT:URI=\"../audio/index.m3u8\",LAST-MSN=1,LAST-PART=0\n"})
        fail_unless(text.find(line) != text.npos, "no %s in\n%s", line, text.c_str());
    // The ended playlist has neither hints nor reports, and no parts of a segment that was never
    // completed.
    growing.list.ended = true;
    const std::string ended = playlist::write(growing.list);
    fail_unless(ended.ends_with("seg-0.m4s\n#EXT-X-ENDLIST\n"), "%s", ended.c_str());
    // The parser for our own playlists skips these tags.
    playlist::MediaPlaylist back;
    fail_unless(playlist::parse(text, back).is_ok() && back.segments.size() == 1);
}
GST_END_TEST

} // namespace

static Suite *hls_conformance_suite() {
    Suite *s = suite_create("hls_conformance");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_every_rule_catches_its_example);
    tcase_add_test(tc, test_streams);
    tcase_add_test(tc, test_low_latency);
    tcase_add_test(tc, test_low_latency_text);
    return s;
}
GST_CHECK_MAIN(hls_conformance)
