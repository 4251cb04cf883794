// SPDX-License-Identifier: LGPL-2.1-or-later
// DASH beside HLS over sockets: the MPD, its clock, and segments that are sent while they are made.
#include "unit/http_exchange.hpp"

#include "core/hls/cmaf_writer.h"
#include "core/net/http/hls/directory.h"
#include "core/net/http/hls/mount.h"
#include "core/net/loop/address.h"
#include "core/net/loop/clock.h"
#include "core/playlist/playlist.h"

#include "unit/mpd_reader.hpp"

#include <regex>

#include "check.hpp"

using namespace penstock;
using namespace penstock::net;
using namespace std::chrono_literals;
using Reply = http_test::Answer;
using http_test::Exchange;

namespace {

constexpr int64_t ms = 1'000'000;
const std::string base = "/live/cam/";
const std::string mpd_path = base + "index.mpd";

/// A stream of video and audio by themselves, or of both in the same segments, whose parts are
/// published by the test: five of 200 ms make a segment.
struct Origin {
    std::unique_ptr<HlsFeed> feed;
    uint16_t port = 0;
    std::vector<std::string> names;
    std::map<unsigned, int> counts; ///< parts of each rendition so far
    int64_t media = 10'000 * ms;

    explicit Origin(std::vector<std::string> renditions = {}, HlsMountOptions options = {})
        : names(std::move(renditions)) {
        options.playlist_length = 20;
        options.target_duration = 1000 * ms;
        if (options.container.extension != ".m4s") options.container = hls::cmaf_container;
        options.has_parts = true;
        options.has_renditions = !names.empty();
        open(options);
        std::vector<hls::Presentation::Expected> expected;
        for (const std::string &name : names)
            expected.push_back({name, true, name[0] == 's'});
        if (!names.empty()) feed->set_renditions(expected);
        if (names.empty()) names.push_back("");
    }
    void open(const HlsMountOptions &options) {
        std::string error;
        feed = open_hls_feed({"127.0.0.1", port}, "live/cam/index.m3u8", options, &error);
        fail_unless(feed != nullptr, "%s", error.c_str());
        port = parse_location(feed->url(), 80, &error)->address.port;
    }
    static std::string bytes(const std::string &name, int count) {
        return name + " part " + std::to_string(count) + ";";
    }
    void part(unsigned rendition = 0) {
        int &count = counts[rendition];
        const int place = count % 5;
        const std::string &name = names[rendition];
        hls::Segment piece;
        piece.rendition = rendition;
        piece.number = uint64_t(count / 5);
        piece.begins = place == 0;
        piece.complete = place == 4;
        piece.duration = (place + 1) * 200 * ms;
        piece.target_duration = 1;
        piece.part_target = 202 * ms;
        piece.program_date_time = 1'700'000'000'000 + count / 5 * 1000;
        piece.init = Bytes::copy_of("init of " + name);
        piece.has_video = name.empty() || name[0] == 'v';
        piece.has_audio = !piece.has_video;
        piece.codecs = piece.has_video ? "avc1.64001f" : "mp4a.40.2";
        piece.width = piece.has_video ? 640 : 0;
        piece.height = piece.has_video ? 360 : 0;
        piece.place = {count / 5 * 1000 * ms, count * 200 * ms, (count + 1) * 200 * ms, media};
        if (!name.empty()) {
            auto about = std::make_shared<hls::About>();
            about->name = name;
            about->is_text = name[0] == 's';
            if (about->is_text) {
                piece.init = {};
                piece.codecs = "wvtt";
                piece.has_audio = false;
            }
            piece.about = about;
        }
        piece.parts.push_back({Bytes::copy_of(bytes(name, count++)), 200 * ms, place == 0});
        feed->publish(piece);
    }
    void parts(int more) {
        for (; more > 0; --more)
            for (unsigned i = 0; i < names.size(); ++i)
                part(i);
    }
    void await(size_t held) const {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (feed->stats().waiting != held && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        fail_unless_equals_int(feed->stats().waiting, held);
    }
};

Reply get(Exchange &client, const std::string &target, const std::string &headers = {}) {
    client.request("GET", target, headers);
    return client.answer();
}

mpd::Element read(const Reply &answer) {
    fail_unless_equals_int(answer.status, 200);
    fail_unless_equals_string(answer.header("Content-Type").c_str(), "application/dash+xml");
    const mpd::Reader reader(answer.body);
    fail_unless(reader.problem.empty(), "%s\n%s", reader.problem.c_str(), answer.body.c_str());
    const mpd::Checker checker(reader.root);
    fail_unless(checker.problems.empty(), "%s%s", checker.text().c_str(), answer.body.c_str());
    return reader.root;
}

/// The URL of a representation's segment with a number, by its template.
std::string url_of(const mpd::Element &root, size_t set, uint64_t number) {
    std::string media =
        root.find("Period")->all("AdaptationSet").at(set)->find("SegmentTemplate")->at("media");
    const std::string mark = "$Number$";
    return base + media.replace(media.find(mark), mark.size(), std::to_string(number));
}

// The MPD waits for the first segment. Its URLs are those of the HLS playlist.
GST_START_TEST(test_manifest) {
    Origin origin;
    Exchange client(origin.port), other(origin.port);
    client.request("GET", mpd_path);
    origin.await(1);
    origin.parts(4);
    origin.await(1);
    origin.parts(1);
    const Reply answer = client.answer();
    const mpd::Element root = read(answer);
    fail_unless_equals_string(answer.header("Cache-Control").c_str(), "no-cache");
    fail_unless_equals_string(answer.header("Access-Control-Allow-Origin").c_str(), "*");
    fail_unless_equals_string(answer.header("Vary").c_str(), "Accept-Encoding");
    const mpd::Element *media = root.find("SegmentTemplate");
    fail_unless_equals_int(media->number("startNumber"), 1);
    fail_unless_equals_int(media->number("duration"), 90'000);
    fail_unless_equals_int(media->number("presentationTimeOffset"), 900'000);
    const std::string playlist = get(other, base + "index.m3u8").body;
    const std::string url = url_of(root, 0, 1);
    fail_unless(playlist.find("\n" + url.substr(base.size()) + "\n") != playlist.npos, "%s in\n%s",
                url.c_str(), playlist.c_str());
    fail_unless(playlist.find("\"" + media->at("initialization") + "\"") != playlist.npos);
    const Reply segment = get(client, url);
    std::string whole;
    for (int i = 0; i < 5; ++i)
        whole += Origin::bytes("", i);
    fail_unless_equals_string(segment.body.c_str(), whole.c_str());
    fail_unless_equals_string(get(client, base + media->at("initialization")).body.c_str(),
                              "init of ");
    // It is the same for all who ask, and compressed for those who can read that.
    origin.parts(10);
    // (The rates have grown.)
    const std::regex rate("bandwidth=\"[0-9]+\"|publishTime=\"[^\"]+\"");
    const auto without_rates = [&](const std::string &text) {
        return std::regex_replace(text, rate, "");
    };
    fail_unless_equals_string(without_rates(get(client, mpd_path).body).c_str(),
                              without_rates(answer.body).c_str());
    const Reply packed = get(client, mpd_path, "Accept-Encoding: gzip\r\n");
    fail_unless_equals_string(packed.header("Content-Encoding").c_str(), "gzip");
    fail_unless(packed.body.size() < answer.body.size() * 2 / 3);
    fail_unless_equals_int(origin.feed->stats().viewers, 1);
}
GST_END_TEST

// urn:mpeg:dash:utc:http-iso:2014, to the millisecond, and by our clock.
GST_START_TEST(test_clock) {
    Origin origin;
    origin.parts(5);
    Exchange client(origin.port);
    const mpd::Element root = read(get(client, mpd_path));
    const int64_t before = unix_ms();
    const Reply answer = get(client, base + root.all("UTCTiming").at(0)->at("value"));
    const int64_t after = unix_ms();
    fail_unless_equals_int(answer.status, 200);
    fail_unless_equals_string(answer.header("Cache-Control").c_str(), "no-store");
    fail_unless_equals_string(answer.header("Access-Control-Allow-Origin").c_str(), "*");
    const auto told = playlist::parse_date(answer.body);
    fail_unless(told && *told >= before && *told <= after, "%s", answer.body.c_str());
}
GST_END_TEST

// A segment that has begun is sent as its parts come, to all who ask; so is the next one once it
// begins. What is further ahead is 404 at once.
GST_START_TEST(test_growing) {
    Origin origin({"video_0", "audio_0"});
    origin.parts(7);
    Exchange early(origin.port), late(origin.port), audio(origin.port), next(origin.port);
    const mpd::Element root = read(get(early, mpd_path));
    const std::string url = url_of(root, 0, 2);
    early.request("GET", url);
    std::string body;
    const auto grows_to = [](Exchange &client, std::string &have, const std::string &name, int from,
                             int to) {
        std::string wanted;
        for (int i = from; i < to; ++i)
            wanted += Origin::bytes(name, i);
        while (have.size() < wanted.size() && client.take_chunk(have)) {
        }
        fail_unless_equals_string(have.c_str(), wanted.c_str());
    };
    // The head comes before the end.
    fail_unless(early.until([&] { return early.input.find("\r\n\r\n") != std::string::npos; }));
    const size_t end = early.input.find("\r\n\r\n");
    const std::string head = early.input.substr(0, end + 2);
    early.input.erase(0, end + 4);
    fail_unless(head.find("Transfer-Encoding: chunked") != head.npos, "%s", head.c_str());
    fail_unless(head.find("Cache-Control: public, max-age=31536000, immutable") != head.npos);
    grows_to(early, body, "video_0", 5, 7);
    origin.part(0);
    grows_to(early, body, "video_0", 5, 8);
    late.request("GET", url);
    audio.request("GET", url_of(root, 1, 2));
    next.request("GET", url_of(root, 0, 3));
    origin.await(1); // the last
    Exchange beyond(origin.port);
    const Reply nothing = get(beyond, url_of(root, 0, 4));
    fail_unless_equals_int(nothing.status, 404);
    fail_unless_equals_string(nothing.header("Cache-Control").c_str(), "no-store");
    origin.part(0);
    grows_to(early, body, "video_0", 5, 9);
    origin.part(0);
    grows_to(early, body, "video_0", 5, 10);
    std::string more;
    fail_unless(!early.take_chunk(more) && early.ended);
    // Who came later has the same, and the connection serves another request.
    std::string whole;
    for (int i = 5; i < 10; ++i)
        whole += Origin::bytes("video_0", i);
    fail_unless_equals_string(late.answer().body.c_str(), whole.c_str());
    const Reply complete = get(early, url);
    fail_unless_equals_string(complete.body.c_str(), whole.c_str());
    fail_unless_equals_string(complete.header("Content-Length").c_str(),
                              std::to_string(whole.size()).c_str());
    for (int i = 0; i < 3; ++i)
        origin.part(1);
    whole.clear();
    for (int i = 5; i < 10; ++i)
        whole += Origin::bytes("audio_0", i);
    fail_unless_equals_string(audio.answer().body.c_str(), whole.c_str());
    origin.parts(1);
    fail_unless(next.until([&] { return next.input.find("part 10;") != std::string::npos; }));
    fail_unless_equals_int(origin.feed->stats().waiting, 0);
    // Whoever leaves is forgotten, and HEAD has no body to wait for.
    late.request("HEAD", url_of(root, 0, 3));
    fail_unless_equals_int(late.answer(true).status, 200);
    next.close();
    origin.parts(4);
    fail_unless_equals_int(get(beyond, url_of(root, 0, 3)).status, 200);
}
GST_END_TEST

// Subtitles are in no MPD, and none of their segments is sent before it is whole.
GST_START_TEST(test_subtitles) {
    Origin origin({"video_0", "subtitle_0"});
    origin.parts(7);
    Exchange client(origin.port);
    read(get(client, mpd_path));
    const std::string folder = base + "index/subtitle_0/";
    const std::string playlist = get(client, folder + "index.m3u8").body;
    std::smatch found;
    fail_unless(std::regex_search(playlist, found, std::regex("\n(seg-[^-]+-)1\\.vtt\n")), "%s",
                playlist.c_str());
    const std::string name = found[1];
    fail_unless_equals_int(get(client, folder + name + "2.vtt").status, 404);
    fail_unless_equals_int(get(client, folder + name + "3.vtt").status, 404);
    origin.parts(3);
    const Reply whole = get(client, folder + name + "2.vtt");
    fail_unless_equals_int(whole.status, 200);
    fail_unless_equals_string(whole.header("Content-Type").c_str(), "text/vtt");
}
GST_END_TEST

// A request for a segment that does not come gets what stands for the gap in its place: players
// that get nothing give up.
GST_START_TEST(test_in_vain) {
    Origin origin;
    origin.parts(5);
    Exchange client(origin.port);
    const mpd::Element root = read(get(client, mpd_path));
    const Reply answer = get(client, url_of(root, 0, 2));
    fail_unless_equals_int(answer.status, 200);
    fail_unless(answer.body.find("free") == 4);
    fail_unless_equals_int(origin.feed->stats().waiting, 0);
}
GST_END_TEST

// While parts do not come, an answer that has begun is ended with the segment that a gap ends.
GST_START_TEST(test_silence) {
    Origin origin;
    origin.parts(7);
    Exchange client(origin.port), other(origin.port);
    const mpd::Element root = read(get(client, mpd_path));
    const Reply answer = get(client, url_of(root, 0, 2));
    fail_unless_equals_string(answer.body.c_str(),
                              (Origin::bytes("", 5) + Origin::bytes("", 6)).c_str());
    // What comes then is another Period.
    origin.counts[0] = 10;
    origin.media += 5000 * ms;
    origin.parts(5);
    const mpd::Element later = read(get(other, mpd_path));
    const auto periods = later.all("Period");
    fail_unless_equals_int(periods.size(), 2);
    fail_unless(periods[1]->find("SegmentTemplate")->number("startNumber") > 2);
}
GST_END_TEST

// The next producer continues the numbers; its Period begins when its first segment is there.
GST_START_TEST(test_producers) {
    HlsMountOptions options;
    options.playlist_length = 20;
    options.target_duration = 1000 * ms;
    options.container = hls::cmaf_container;
    options.has_parts = true;
    Origin origin;
    origin.parts(10);
    Exchange client(origin.port);
    const mpd::Element before = read(get(client, mpd_path));
    origin.feed.reset();
    origin.open(options);
    origin.counts[0] = 0;
    origin.parts(1);
    fail_unless_equals_int(read(get(client, mpd_path)).all("Period").size(), 1);
    origin.parts(4);
    const mpd::Element after = read(get(client, mpd_path));
    const auto periods = after.all("Period");
    fail_unless_equals_int(periods.size(), 2);
    fail_unless_equals_string(periods[0]->at("id").c_str(),
                              before.find("Period")->at("id").c_str());
    fail_unless_equals_int(periods[1]->find("SegmentTemplate")->number("startNumber"), 3);
}
GST_END_TEST

// In a directory the MPD is written again with each segment; that of a package is static.
GST_START_TEST(test_files) {
    namespace fs = std::filesystem;
    for (const bool is_vod : {false, true}) {
        const fs::path scratch = fs::temp_directory_path() / ("dash-" + std::to_string(getpid()));
        fs::remove_all(scratch);
        HlsDirectory::Options options;
        options.container = hls::cmaf_container;
        options.is_vod = is_vod;
        options.playlist_length = is_vod ? 0 : 3;
        std::string error;
        const auto directory =
            HlsDirectory::open((scratch / "index.m3u8").string(), options, &error);
        fail_unless(directory != nullptr, "%s", error.c_str());
        const auto read_file = [&] {
            std::ifstream in(scratch / "index.mpd");
            std::ostringstream text;
            text << in.rdbuf();
            const mpd::Reader reader(text.str());
            fail_unless(reader.problem.empty(), "%s", reader.problem.c_str());
            const mpd::Checker checker(reader.root);
            fail_unless(checker.problems.empty(), "%s%s", checker.text().c_str(),
                        text.str().c_str());
            return reader.root;
        };
        for (int i = 0; i < 6; ++i) {
            hls::Segment segment;
            segment.data = Bytes::copy_of(std::string_view("media"));
            segment.init = Bytes::copy_of(std::string_view("init"));
            segment.duration = 2000 * ms;
            segment.target_duration = 2;
            segment.codecs = "avc1.64001f";
            segment.has_video = true;
            segment.program_date_time = 1'700'000'000'000 + i * 2000;
            segment.place = {i * 2000 * ms, i * 2000 * ms, (i + 1) * 2000 * ms, 10'000 * ms};
            fail_unless(directory->publish(segment).is_ok());
            if (!is_vod) read_file();
        }
        fail_unless_equals_int(fs::exists(scratch / "index.mpd"), !is_vod);
        if (!is_vod) {
            const mpd::Element live = read_file();
            fail_unless_equals_int(live.find("SegmentTemplate")->number("startNumber"), 3);
        }
        fail_unless(directory->end().is_ok());
        const mpd::Element root = read_file();
        fail_unless_equals_string(root.at("type").c_str(), is_vod ? "static" : "dynamic");
        fail_unless_equals_string(root.at("mediaPresentationDuration").c_str(), "PT12S");
        std::string name = root.find("SegmentTemplate")->at("media");
        fail_unless(fs::exists(scratch / name.replace(name.find("$Number$"), 8, "5")));
        fs::remove_all(scratch);
    }
}
GST_END_TEST

// MPEG-TS has no MPD.
GST_START_TEST(test_ts) {
    std::string error;
    const auto feed = open_hls_feed({"127.0.0.1", 0}, "live/cam/index.m3u8", {}, &error);
    fail_unless(feed != nullptr, "%s", error.c_str());
    Exchange client(parse_location(feed->url(), 80, &error)->address.port);
    fail_unless_equals_int(get(client, mpd_path).status, 404);
}
GST_END_TEST

/// Allows everybody, and counts the questions.
struct Judge final : PeerWatch {
    std::atomic<int> questions{0};
    bool authorize(const PeerInfo &, Answer answer) override {
        ++questions;
        answer(true);
        return true;
    }
};

// Where somebody decides about viewers, the URLs carry the session; a player of both is asked about
// once.
GST_START_TEST(test_session) {
    const auto judge = std::make_shared<Judge>();
    Origin origin({}, {.watch = judge});
    origin.parts(7);
    Exchange client(origin.port), other(origin.port);
    const Reply answer = get(client, mpd_path + "?key=a", "Accept-Encoding: gzip\r\n");
    const mpd::Element root = read(answer);
    fail_unless_equals_string(answer.header("Cache-Control").c_str(), "private, no-store");
    const std::string url = url_of(root, 0, 2);
    fail_unless(url.find(".m4s?session=") != url.npos, "%s", url.c_str());
    fail_unless(root.find("SegmentTemplate")->at("initialization").find("?session=") !=
                std::string::npos);
    fail_unless_equals_int(get(other, url.substr(0, url.find('?'))).status, 403);
    client.request("GET", url);
    fail_unless(client.until([&] { return client.input.find("part 6;") != std::string::npos; }));
    fail_unless(client.input.find("Cache-Control: private, ") != std::string::npos);
    fail_unless_equals_int(get(other, base + "index.m3u8?key=a").status, 200);
    fail_unless_equals_int(judge->questions, 1);
    fail_unless_equals_int(get(other, base + "index/utc").status, 200);
}
GST_END_TEST

} // namespace

static Suite *dash_http_suite() {
    Suite *s = suite_create("dash_http");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, test_manifest);
    tcase_add_test(tc, test_clock);
    tcase_add_test(tc, test_growing);
    tcase_add_test(tc, test_subtitles);
    tcase_add_test(tc, test_in_vain);
    tcase_add_test(tc, test_silence);
    tcase_add_test(tc, test_producers);
    tcase_add_test(tc, test_files);
    tcase_add_test(tc, test_ts);
    tcase_add_test(tc, test_session);
    return s;
}
GST_CHECK_MAIN(dash_http)
