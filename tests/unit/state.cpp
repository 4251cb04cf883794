// SPDX-License-Identifier: LGPL-2.1-or-later
// The model of what runs: streams are mounts of the same name on all protocols; the page's list is
// collected at most once per second, on the main loop.
#include "console/streams.h"
#include "core/net/http/server.h"
#include "core/net/stream/mounts.h"
#include "protocols/table.h"
#include "state/collect.h"
#include "state/json.h"

#include <nlohmann/json.hpp>

#include <thread>

#include "check.hpp"

using namespace penstock;
using nlohmann::json;
using state::Mount;

namespace {

const net::Address web{"127.0.0.1", 8080}, rtmp{"127.0.0.1", 1935};

Mount rtmp_mount(const std::string &path, bool live) {
    return {.protocol = "rtmp", .address = rtmp, .scheme = "rtmp", .path = path, .live = live};
}

Mount hls_mount(const std::string &path, bool live) {
    return {.protocol = "hls",
            .address = web,
            .scheme = "http",
            .path = path,
            .live = live,
            .since = 1'700'000'000'000,
            .width = 640,
            .height = 360,
            .has_video = true,
            .content_type = "application/vnd.apple.mpegurl"};
}

json streams_in(const std::vector<Mount> &mounts) {
    return json::parse(console::streams_json({mounts, {{"rtmp", rtmp, true}}}, web)).at("streams");
}

/// Runs the functions that were posted to the main loop.
void run_main_loop() {
    while (g_main_context_iteration(nullptr, FALSE)) {
    }
}

} // namespace

GST_START_TEST(test_streams_are_mounts_of_a_name) {
    std::vector<Mount> mounts = {rtmp_mount("live/b", true), rtmp_mount("live/a", true),
                                 hls_mount("live/a/index.m3u8", true)};
    mounts[1].viewers = 2;
    mounts[2].viewers = 3;
    auto streams = state::streams_of(mounts);
    fail_unless_equals_int(streams.size(), 2);
    fail_unless_equals_string(streams[0].name.c_str(), "live/a");
    fail_unless_equals_string(streams[0].url.c_str(), "rtmp://127.0.0.1:1935/live/a");
    fail_unless(streams[0].live && streams[0].players == 2 && streams[0].viewers == 5);
    // The playlist still has segments, but the publisher has gone.
    mounts[1].live = false;
    mounts[1].is_deserted = true;
    streams = state::streams_of(mounts);
    fail_unless(!streams[0].live && streams[1].live);
}
GST_END_TEST

// A slate comes in a publisher's place: the stream is live, although nobody publishes it.
GST_START_TEST(test_slate) {
    constexpr int64_t left = 1'700'000'000'000;
    std::vector<Mount> mounts = {rtmp_mount("live/a", false), hls_mount("live/a/index.m3u8", true),
                                 rtmp_mount("live/b", false), hls_mount("live/b/index.m3u8", true)};
    for (size_t i : {0, 2}) {
        mounts[i].is_deserted = true;
        mounts[i].vacant_since = left;
        mounts[i + 1].is_fed = true;
    }
    mounts[1].last_media = left + 900; // the rest of what was published
    mounts[3].last_media = left + 1100;
    auto later = mounts; // media that a queue has held back is no slate
    state::count_slates(later, left + 3200);
    fail_unless(later[2].is_deserted && !later[2].live);
    state::count_slates(mounts, left + 1200);
    fail_unless(mounts[0].is_deserted && !mounts[0].live);
    fail_unless(!mounts[2].is_deserted && mounts[2].live);
    const auto streams = state::streams_of(mounts);
    fail_unless(!streams[0].live && streams[0].is_deserted);
    fail_unless(streams[1].live && !streams[1].is_deserted);
}
GST_END_TEST

static Mount http_mount(const std::string &path, const std::string &content_type) {
    return {.protocol = "http",
            .address = web,
            .path = path,
            .live = true,
            .since = 1'700'000'060'000,
            .content_type = content_type};
}

GST_START_TEST(test_page) {
    const Mount flv = http_mount("live/a.flv", "video/x-flv");
    Mount elsewhere = hls_mount("live/c/index.m3u8", true);
    elsewhere.address.host = "127.0.0.2"; // the same port of another host is another listener
    std::vector<Mount> mounts = {rtmp_mount("live/a", true), flv,
                                 http_mount("live/b.bin", "application/octet-stream"),
                                 hls_mount("live/a/index.m3u8", true), elsewhere};
    mounts[0].viewers = 1;
    mounts[0].is_fed = true;
    mounts[1].viewers = 4;
    mounts[3].viewers = 2;
    const json streams = streams_in(mounts);
    fail_unless_equals_int(streams.size(), 1);
    const json wanted = {
        {"name", "live/a"},     {"live", true},   {"hls", "/live/a/index.m3u8"},
        {"flv", "/live/a.flv"}, {"rtmp", true},   {"since", "2023-11-14T22:13:20Z"},
        {"off_since", nullptr}, {"width", 640},   {"height", 360},
        {"video", true},        {"audio", false}, {"players", 1},
        {"viewers", 7}};
    fail_unless(streams[0] == wanted, "%s", streams[0].dump().c_str());
    const json whole = json::parse(console::streams_json({{}, {{"rtmp", rtmp, true}}}, web));
    fail_unless(whole.at("rtmp") ==
                json::parse(R"([{"host": "127.0.0.1", "port": 1935, "key": true}])"));
    fail_unless(json::parse(console::streams_json({}, web)).at("rtmp").is_array());
}
GST_END_TEST

// The MPD beside a playlist is named where it is served.
GST_START_TEST(test_dash) {
    std::string error;
    const auto server = net::HttpServer::open({"127.0.0.1", 0}, &error);
    fail_unless(server != nullptr, "%s", error.c_str());
    std::vector<Mount> mounts = {hls_mount("live/a/index.m3u8", true),
                                 hls_mount("live/b/index.m3u8", true)};
    for (Mount &mount : mounts)
        mount.address = server->address();
    const auto mpd = server->handle("/live/b/index.mpd", [](const auto &, const auto &) {});
    const json streams =
        json::parse(console::streams_json({mounts, {}}, server->address())).at("streams");
    fail_unless_equals_int(streams.size(), 2);
    fail_if(streams[0].contains("dash"));
    fail_unless(streams[1].at("hls") == "/live/b/index.m3u8" &&
                streams[1].at("dash") == "/live/b/index.mpd");
}
GST_END_TEST

// Streams without a playlist are listed as playable, and streams off air with the time since when.
GST_START_TEST(test_page_lists_what_it_can_play) {
    std::vector<Mount> mounts = {rtmp_mount("live/a", false),
                                 http_mount("live/a.flv", "video/x-flv"),
                                 http_mount("live/b", "video/x-flv"), // whatever its name
                                 http_mount("live/c.ts", "video/mp2t"),
                                 http_mount("radio.mp3", "audio/mpeg"),
                                 http_mount("radio.ogg", "application/ogg")};
    mounts[0].is_deserted = true;
    mounts[1].last_media = 1'700'000'120'000;
    mounts[2].has_audio = true;
    const json streams = streams_in(mounts);
    fail_unless_equals_int(streams.size(), 5);
    const auto paths = [&](size_t i, const char *key) { return streams[i].value(key, ""); };
    fail_unless(paths(0, "flv") == "/live/a.flv" && paths(1, "flv") == "/live/b" &&
                    paths(2, "ts") == "/live/c.ts" && paths(3, "plain") == "/radio.mp3" &&
                    paths(4, "plain") == "/radio.ogg",
                "%s", streams.dump().c_str());
    fail_unless(streams[0]["live"] == false && streams[0]["since"] == nullptr &&
                streams[0]["off_since"] == "2023-11-14T22:15:20Z" && !streams[0].contains("rtmp"));
    fail_unless(streams[1]["live"] == true && streams[1]["since"] == "2023-11-14T22:14:20Z" &&
                streams[1]["off_since"] == nullptr);
    fail_unless(streams[1]["video"] == false && streams[1]["audio"] == true);
    fail_if(streams[2].contains("video")); // not known
    fail_unless(streams[3]["video"] == false && streams[3]["audio"] == true);
}
GST_END_TEST

GST_START_TEST(test_list_is_collected_once_a_second) {
    int64_t now = 5'000'000;
    int collected = 0;
    std::thread::id collected_on;
    const auto list = std::make_shared<console::StreamList>(
        web,
        [&] {
            ++collected;
            collected_on = std::this_thread::get_id();
            return state::Mounts{{hls_mount("live/a/index.m3u8", true)}, {}};
        },
        [&] { return now; });
    int answers = 0;
    const auto ask = [&] {
        list->ask([&](const std::string &text) {
            fail_unless_equals_int(json::parse(text).at("streams").size(), 1);
            ++answers;
        });
    };
    // Network loops request the list; it is collected on this thread.
    std::thread([&] {
        for (int i = 0; i < 10; ++i)
            ask();
    }).join();
    fail_unless(answers == 0 && collected == 0);
    run_main_loop();
    fail_unless(answers == 10 && collected == 1, "%d answers, %d collections", answers, collected);
    fail_unless(collected_on == std::this_thread::get_id());
    now += console::StreamList::longest_age - 1;
    ask();
    fail_unless(answers == 11 && collected == 1);
    now += 1;
    ask();
    run_main_loop();
    fail_unless(answers == 12 && collected == 2);
}
GST_END_TEST

namespace {

/// A mount of a protocol that the launcher does not know.
class TextMount final : public net::Mount {
public:
    TextMount() : Mount({"lines", {"127.0.0.1", 7000}, "live/text"}) {}
    net::MountInfo info() const override {
        net::MountInfo out;
        static_cast<net::MountKey &>(out) = key();
        out.live = true;
        out.viewers = viewers();
        out.bytes_out = 17;
        return out;
    }
    unsigned viewers() const override { return 5; }
    bool in_use() const override { return true; }
    void close_viewers(const std::string &) override {}
};

} // namespace

GST_START_TEST(test_every_protocol_is_told_of) {
    const auto mount = std::make_shared<TextMount>();
    net::Mounts::instance().add(mount);
    fail_unless(state::collect_mounts().mounts.empty());
    protocols::Protocol lines;
    lines.name = "lines";
    lines.schemes = {{.name = "lines"}};
    const protocols::Registration registration(lines);
    state::Model model;
    model.on_listeners = state::collect_mounts();
    const json mounts = json::parse(state::to_json(model)).at("mounts");
    fail_unless_equals_int(mounts.size(), 1);
    fail_unless(mounts[0].at("protocol") == "lines" && mounts[0].at("viewers") == 5 &&
                    mounts[0].at("players") == 0 && mounts[0].at("bytes-out") == 17,
                "%s", mounts[0].dump().c_str());
}
GST_END_TEST

static Suite *state_suite() {
    Suite *suite = suite_create("state");
    TCase *tests = tcase_create("state");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_streams_are_mounts_of_a_name);
    tcase_add_test(tests, test_slate);
    tcase_add_test(tests, test_page);
    tcase_add_test(tests, test_dash);
    tcase_add_test(tests, test_page_lists_what_it_can_play);
    tcase_add_test(tests, test_list_is_collected_once_a_second);
    tcase_add_test(tests, test_every_protocol_is_told_of);
    return suite;
}
GST_CHECK_MAIN(state)
