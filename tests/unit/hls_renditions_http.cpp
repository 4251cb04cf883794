// SPDX-License-Identifier: LGPL-2.1-or-later
// Several renditions over sockets: the multivariant playlist, requests that wait for one of them,
// reports, sessions, and renditions that come and go.
#include "unit/http_exchange.hpp"

#include "core/hls/cmaf_writer.h"
#include "core/net/http/hls/mount.h"
#include "core/net/loop/address.h"
#include "core/net/loop/clock.h"

#include "unit/hls_conformance_renditions.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::net;
using namespace std::chrono_literals;
using Reply = http_test::Answer;
using http_test::Exchange;

namespace {

constexpr int64_t ms = 1'000'000;
const std::string base = "/live/cam/";
const std::string path = base + "index.m3u8";
const std::string folder = base + "index/";
const std::vector<std::string> names{"video_0", "video_1", "audio_0"};

/// A stream whose pieces are published by the test: five parts of 200 ms make a segment.
struct Origin {
    std::unique_ptr<HlsFeed> feed;
    uint16_t port = 0;
    std::map<unsigned, int> counts; ///< pieces of each rendition so far
    bool has_parts;
    std::vector<hls::Presentation::Expected> expected;

    explicit Origin(bool parts = true, HlsMountOptions options = {}) : has_parts(parts) {
        open(options);
    }
    void open(HlsMountOptions options) {
        options.playlist_length = 20;
        options.target_duration = 1000 * ms;
        options.container = hls::cmaf_container;
        options.has_parts = has_parts;
        options.has_renditions = true;
        std::string error;
        feed = open_hls_feed({"127.0.0.1", port}, path.substr(1), options, &error);
        fail_unless(feed != nullptr, "%s", error.c_str());
        port = parse_location(feed->url(), 80, &error)->address.port;
        for (const std::string &name : names)
            expected.push_back({name, true});
        feed->set_renditions(expected);
        counts.clear();
    }
    void piece(unsigned rendition) {
        int &count = counts[rendition];
        const int of = has_parts ? 5 : 1, place = count % of;
        const std::string &name = names[rendition];
        const bool video = name[0] == 'v';
        hls::Segment piece;
        piece.rendition = rendition;
        piece.number = uint64_t(count / of);
        piece.begins = place == 0;
        piece.complete = place == of - 1;
        piece.duration = (place + 1) * 200 * ms;
        piece.target_duration = 1;
        piece.part_target = has_parts ? 202 * ms : 0;
        piece.part_hold_back = 606 * ms;
        piece.program_date_time = 1'700'000'000'000 + count / of * 1000;
        piece.init = Bytes::copy_of("init of " + name);
        piece.has_video = video;
        piece.has_audio = !video;
        piece.codecs = video ? "avc1.64001f" : "mp4a.40.2";
        piece.width = video ? (rendition == 0 ? 1280u : 640u) : 0;
        piece.height = video ? (rendition == 0 ? 720u : 360u) : 0;
        auto about = std::make_shared<hls::About>();
        about->name = name;
        piece.about = about;
        const std::string bytes = name + " " + std::to_string(count++) + ";";
        if (has_parts)
            piece.parts.push_back({Bytes::copy_of(bytes), 200 * ms, place == 0 || !video});
        else
            piece.data = Bytes::copy_of(bytes);
        if (!has_parts) piece.duration = 1000 * ms;
        feed->publish(piece);
    }
    void all(int more = 1) {
        for (; more > 0; --more)
            for (unsigned i = 0; i < names.size(); ++i)
                piece(i);
    }
    void await(size_t held) const {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (feed->stats().waiting != held && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        fail_unless_equals_int(feed->stats().waiting, held);
    }
};

Reply get(Exchange &client, const std::string &target) {
    client.request("GET", target);
    return client.answer();
}

std::string of(const std::string &name) {
    return folder + name + "/index.m3u8";
}

// The multivariant playlist waits for the last of the renditions that are awaited.
GST_START_TEST(test_first_playlist) {
    Origin origin;
    Exchange client(origin.port), other(origin.port);
    client.request("GET", path);
    origin.await(1);
    origin.piece(0);
    origin.piece(1);
    origin.await(1);
    other.request("GET", of("audio_0"));
    origin.await(2);
    origin.piece(2);
    const Reply answer = client.answer();
    fail_unless_equals_int(answer.status, 200);
    conformance::RenditionsChecker checker;
    checker.see(answer.body);
    fail_unless(checker.problems.empty(), "%s\n%s", checker.text().c_str(), answer.body.c_str());
    fail_unless_equals_string(answer.header("Content-Type").c_str(),
                              "application/vnd.apple.mpegurl");
    for (const char *uri : {"\nindex/video_0/index.m3u8\n", "\nindex/video_1/index.m3u8\n",
                            "URI=\"index/audio_0/index.m3u8\""})
        fail_unless(answer.body.find(uri) != std::string::npos, "no %s in\n%s", uri,
                    answer.body.c_str());
    fail_unless_equals_int(other.answer().status, 200);

    // One that is no longer awaited does not hold it up.
    Origin less;
    Exchange third(less.port);
    third.request("GET", path);
    less.await(1);
    less.piece(0);
    less.piece(2);
    less.expected[1].is_awaited = false;
    less.feed->set_renditions(less.expected);
    const Reply without = third.answer();
    fail_unless(without.status == 200 && without.body.find("video_1") == std::string::npos);
    fail_unless_equals_int(get(third, folder + "video_7/index.m3u8").status, 404);
    fail_unless_equals_int(get(third, folder + "video_0/none.m4s").status, 404);
    fail_unless_equals_int(get(third, folder + "part-0-0.m4s").status, 404);
    fail_unless_equals_int(get(third, folder).status, 404);
}
GST_END_TEST

// Each rendition wakes those that wait for it, and no others; all are alike, and report on one
// another as they are.
GST_START_TEST(test_waiting) {
    Origin origin;
    origin.all(7);
    std::map<std::string, conformance::Checker> checkers;
    conformance::RenditionsChecker together;
    Exchange video(origin.port), audio(origin.port), second(origin.port);
    for (int i = 7; i < 60; ++i) {
        const std::string query =
            "?_HLS_msn=" + std::to_string(1 + i / 5) + "&_HLS_part=" + std::to_string(i % 5);
        video.request("GET", of("video_0") + query);
        second.request("GET", of("video_1") + query);
        audio.request("GET", of("audio_0") + query + (i > 40 ? "&_HLS_skip=YES" : ""));
        origin.await(3);
        origin.piece(2);
        const Reply heard = audio.answer();
        origin.await(2); // the others go on waiting
        // As fresh as the playlist: the others have not got this part yet.
        const uint64_t last = uint64_t(i - 1);
        const std::string report =
            "#EXT-X-RENDITION-REPORT:URI=\"../video_0/index.m3u8\",LAST-MSN=" +
            std::to_string(1 + last / 5) + ",LAST-PART=" + std::to_string(last % 5) + "\n";
        fail_unless(heard.body.find(report) != std::string::npos, "no %s in\n%s", report.c_str(),
                    heard.body.c_str());
        origin.piece(0);
        fail_unless_equals_int(video.answer().status, 200);
        origin.await(1);
        origin.piece(1);
        fail_unless_equals_int(second.answer().status, 200);
        checkers["audio_0"].see(heard.body);
        std::map<std::string, std::string> texts;
        for (const std::string &name : names)
            texts[name] = get(video, of(name)).body;
        together.see_media(texts);
    }
    fail_unless(checkers["audio_0"].problems.empty(), "%s", checkers["audio_0"].text().c_str());
    fail_unless(together.problems.empty(), "%s", together.text().c_str());
    fail_unless_equals_int(get(video, of("video_0") + "?_HLS_msn=99").status, 400);
    fail_unless_equals_int(get(video, of("video_0") + "?_HLS_part=1").status, 400);

    // A part that is hinted at is waited for, in its rendition.
    const auto list = conformance::read(get(video, of("video_1")).body);
    const std::string hint = list.hints.at("PART");
    second.request("GET", folder + "video_1/" + hint);
    origin.await(1);
    origin.piece(0);
    origin.await(1);
    origin.piece(1);
    const Reply part = second.answer();
    fail_unless(part.status == 200 && part.body == "video_1 60;", "%s", part.body.c_str());
    fail_unless_equals_string(part.header("Content-Type").c_str(), "video/mp4");
    fail_unless_equals_int(get(second, folder + "video_1/" + list.segments.back().uri).status, 200);
    fail_unless(
        get(second, folder + "audio_0/" +
                        conformance::read(get(video, of("audio_0")).body).segments.back().map)
            .body == "init of audio_0");
}
GST_END_TEST

struct Judge final : PeerWatch {
    bool authorize(const PeerInfo &peer, Answer answer) override {
        ++questions;
        Verdict verdict(peer.key == "secret");
        verdict.until_ms = until_ms;
        answer(verdict);
        return true;
    }
    void connected(const PeerInfo &) override { ++inside; }
    void disconnected(const PeerInfo &, const std::string &) override { --inside; }
    std::atomic<int> questions{0}, inside{0};
    std::atomic<uint64_t> until_ms{0};
};

// A viewer has one session for all playlists and segments; it begins again by what the viewer's own
// address had.
GST_START_TEST(test_session) {
    const auto judge = std::make_shared<Judge>();
    HlsMountOptions options;
    options.watch = judge;
    Origin origin(true, options);
    origin.all(8);
    Exchange client(origin.port);
    fail_unless_equals_int(get(client, path + "?key=wrong").status, 403);
    judge->questions = 0;
    const Reply answer = get(client, path + "?key=secret");
    fail_unless_equals_int(answer.status, 200);
    fail_unless(answer.header("Cache-Control").find("no-store") != std::string::npos);
    const auto lists = conformance::read_multivariant(answer.body);
    fail_unless(lists.problems.empty() && lists.variants.size() == 2 && lists.media.size() == 1);
    for (std::string uri :
         {lists.variants[0].uri, lists.variants[1].uri, lists.media[0].at("URI")}) {
        fail_unless(uri.find("?session=") != uri.npos && uri.ends_with("&key=secret"), "%s",
                    uri.c_str());
        const Reply media = get(client, base + uri);
        fail_unless_equals_int(media.status, 200);
        const auto list = conformance::read(media.body);
        const std::string at = base + uri.substr(0, uri.rfind("/index.m3u8")) + "/";
        fail_unless_equals_int(get(client, at + list.segments.back().uri).status, 200);
        fail_unless_equals_int(get(client, at + list.segments.back().map).status, 200);
        const std::string bare = list.segments.back().uri;
        fail_unless_equals_int(get(client, at + bare.substr(0, bare.find('?'))).status, 403);
        // Reports lead to the same addresses as the multivariant playlist.
        fail_unless_equals_int(list.reports.size(), 2);
        for (const auto &report : list.reports)
            fail_unless(answer.body.find(report.at("URI").substr(3)) != std::string::npos, "%s",
                        report.at("URI").c_str());
    }
    fail_unless_equals_int(judge->questions, 1);
    fail_unless_equals_int(judge->inside, 1);
    fail_unless_equals_int(origin.feed->stats().viewers, 1);
    fail_unless_equals_int(get(client, of("video_0")).status, 403);
    fail_unless_equals_int(get(client, of("video_0") + "?key=wrong").status, 403);

    // An admission that has expired is asked for again, by the playlist that the player reloads.
    const auto short_lived = std::make_shared<Judge>();
    short_lived->until_ms = steady_ms();
    options.watch = short_lived;
    Origin brief(true, options);
    brief.all(8);
    Exchange viewer(brief.port);
    const auto again = conformance::read_multivariant(get(viewer, path + "?key=secret").body);
    fail_unless_equals_int(get(viewer, base + again.variants.at(0).uri).status, 200);
    fail_unless_equals_int(short_lived->questions, 2);
}
GST_END_TEST

// The next producer has other renditions: what it lacks ends, what is new begins where the others
// are.
GST_START_TEST(test_republish) {
    for (const bool parts : {true, false}) {
        Origin origin(parts);
        origin.all(parts ? 22 : 4);
        Exchange client(origin.port);
        origin.feed.reset();
        origin.expected.clear();
        origin.open({});
        origin.expected = {{"video_0", true}, {"audio_0", true}};
        origin.feed->set_renditions(origin.expected);
        fail_unless(get(client, of("video_1")).body.find("#EXT-X-ENDLIST") != std::string::npos);
        // Segment::rendition counts the producer's.
        conformance::RenditionsChecker together;
        const auto publish = [&](int more) {
            for (; more > 0; --more) {
                origin.piece(0);
                hls::Segment piece;
                const int count = origin.counts[2]++, size = parts ? 5 : 1;
                piece.rendition = 1;
                piece.number = uint64_t(count / size);
                piece.begins = count % size == 0;
                piece.complete = count % size == size - 1;
                piece.duration = parts ? (count % size + 1) * 200 * ms : 1000 * ms;
                piece.target_duration = 1;
                piece.part_target = parts ? 202 * ms : 0;
                piece.part_hold_back = 606 * ms;
                piece.program_date_time = 1'700'000'000'000 + count / size * 1000;
                piece.init = Bytes::copy_of(std::string_view("init"));
                piece.has_audio = true;
                piece.codecs = "mp4a.40.2";
                auto about = std::make_shared<hls::About>();
                about->name = "audio_0";
                piece.about = about;
                if (parts)
                    piece.parts.push_back({Bytes::copy_of(std::string_view("a")), 200 * ms, true});
                else
                    piece.data = Bytes::copy_of(std::string_view("a"));
                origin.feed->publish(piece);
            }
        };
        publish(parts ? 12 : 3);
        together.see_media({{"video_0", get(client, of("video_0")).body},
                            {"audio_0", get(client, of("audio_0")).body}});
        fail_unless(together.problems.empty(), "%s", together.text().c_str());
        const std::string text = get(client, path).body;
        fail_unless(text.find("video_1") == text.npos && text.find("video_0") != text.npos, "%s",
                    text.c_str());
    }
}
GST_END_TEST

// A path that has one playlist does not become a multivariant one.
GST_START_TEST(test_refusal) {
    Origin origin;
    origin.all();
    origin.feed.reset();
    std::string error;
    HlsMountOptions options;
    options.container = hls::cmaf_container;
    options.has_parts = true;
    fail_if(open_hls_feed({"127.0.0.1", origin.port}, path.substr(1), options, &error));
    fail_unless(error.find("one rendition or several") != error.npos, "%s", error.c_str());
}
GST_END_TEST

// When its grace is over, all playlists end.
GST_START_TEST(test_end) {
    HlsMountOptions options;
    options.ending = {.grace = 0s, .linger = 1h};
    Origin origin(true, options);
    origin.all(8);
    Exchange client(origin.port);
    origin.feed.reset();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    for (const std::string &name : names) {
        std::string text;
        do
            text = get(client, of(name)).body;
        while (text.find("#EXT-X-ENDLIST") == text.npos &&
               std::chrono::steady_clock::now() < deadline);
        fail_unless(text.ends_with("#EXT-X-ENDLIST\n"), "%s", text.c_str());
    }
    const Reply answer = get(client, path);
    fail_unless(answer.status == 200 && answer.body.find("video_1") != std::string::npos);
}
GST_END_TEST

} // namespace

static Suite *hls_renditions_http_suite() {
    Suite *s = suite_create("hls_renditions_http");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_first_playlist);
    tcase_add_test(tc, test_waiting);
    tcase_add_test(tc, test_session);
    tcase_add_test(tc, test_republish);
    tcase_add_test(tc, test_refusal);
    tcase_add_test(tc, test_end);
    return s;
}
GST_CHECK_MAIN(hls_renditions_http)
