// SPDX-License-Identifier: LGPL-2.1-or-later
// What OBS' multitrack video is told: the answer has what OBS reads, and no more tracks than the
// request allows; the key `multitrack` and its mistakes.
#include "multitrack/answer.h"
#include "multitrack/routes.h"

#include "description/binding.h"

#include "check.hpp"

#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

using namespace penstock;
using nlohmann::json;

namespace {

description::Multitrack ladder() {
    description::Multitrack out;
    out.video = {
        {.width = 1920, .height = 1080, .bitrate = 6'000'000, .encoder = "obs_x264"},
        {.width = 1280, .height = 720, .bitrate = 3'000'000, .fps = 30, .encoder = "obs_x264"},
        {.width = 640,
         .height = 360,
         .bitrate = 800'000,
         .codec = "av1",
         .encoder = "ffmpeg_svt_av1"}};
    return out;
}

/// As OBS 32 sends it.
json request() {
    std::ifstream file(std::string(g_getenv("PENSTOCK_SOURCE_ROOT")) +
                       "/tests/fuzz/corpus/multitrack/obs-32");
    return json::parse(file);
}

json answer(const json &to) {
    return json::parse(multitrack::answer(
        to.dump(), ladder(), {{"RTMP", "rtmp://media.example:1935/live/{stream_key}"}}, "abc"));
}

/// The heights of the tracks, and the result.
std::string told(const json &to) {
    const json said = answer(to);
    std::string out = said.at("status").at("result");
    for (const json &track : said.at("encoder_configurations"))
        out += " " + std::to_string(track.at("height").get<int>());
    return out;
}

/// As OBS' own types are read: a member that is missing or of another type throws.
void read_as_obs(const json &config) {
    const json &meta = config.at("meta");
    for (const char *name : {"service", "schema_version", "config_id"})
        meta.at(name).get<std::string>();
    const json &status = config.at("status");
    fail_unless(status.at("result") == "success" || status.at("result") == "error");
    for (const json &endpoint : config.at("ingest_endpoints")) {
        const std::string protocol = endpoint.at("protocol"), url = endpoint.at("url_template");
        fail_unless(protocol.starts_with("RTMP"));
        // OBS cuts the URL there, and sends its key behind it.
        fail_unless(url.ends_with("/{stream_key}"), "%s", url.c_str());
    }
    for (const json &track : config.at("encoder_configurations")) {
        track.at("type").get<std::string>();
        fail_unless(track.at("width").is_number_unsigned());
        fail_unless(track.at("height").is_number_unsigned());
        fail_unless(track.at("framerate").at("numerator").get<uint32_t>() > 0);
        fail_unless(track.at("framerate").at("denominator").get<uint32_t>() > 0);
        fail_unless(track.at("gpu_scale_type") == "OBS_SCALE_BICUBIC");
        fail_unless(track.at("colorspace") == "VIDEO_CS_709");
        fail_unless(track.at("range") == "VIDEO_RANGE_PARTIAL");
        fail_unless(track.at("format") == "VIDEO_FORMAT_NV12");
        fail_unless_equals_int(track.at("canvas_index").get<uint32_t>(), 0);
        const json &settings = track.at("settings");
        fail_unless(settings.at("bitrate").get<int>() > 0);
        fail_unless_equals_int(settings.at("keyint_sec").get<int>(), 2);
    }
    for (const json &audio : config.at("audio_configurations").at("live")) {
        fail_unless(audio.at("codec") == "aac");
        audio.at("track_id").get<uint32_t>();
        fail_unless_equals_int(audio.at("channels").get<uint32_t>(), 2);
        fail_unless_equals_int(audio.at("settings").at("bitrate").get<int>(), 160);
    }
}

const std::string head = "summary: x\npublish:\n  match: rtmp://127.0.0.1:0/live/{name}\n"
                         "  pipeline: rtmpserversrc location=rtmp://127.0.0.1:0/live/${name} ! "
                         "fakesink\n  multitrack:\n";

/// The first problem of a description with this `multitrack`; empty if it has none.
std::string problem(const std::string &text) {
    description::Problems problems;
    description::load_description(description::Source("x", head + text), problems);
    return problems.empty() ? "" : problems[0].what + ": " + problems[0].mend;
}

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != text.npos;
}

} // namespace

GST_START_TEST(test_answer) {
    const json said = answer(request());
    read_as_obs(said);
    fail_unless_equals_string(told(request()).c_str(), "success 1080 720 360");
    const json &tracks = said.at("encoder_configurations");
    fail_unless(tracks[0].at("framerate") == json({{"numerator", 60000}, {"denominator", 1001}}));
    fail_unless(tracks[1].at("framerate") == json({{"numerator", 30}, {"denominator", 1}}));
    fail_unless(tracks[0].at("type") == "obs_x264" && tracks[2].at("type") == "ffmpeg_svt_av1");
    fail_unless_equals_int(tracks[0].at("settings").at("bitrate").get<int>(), 6000);
    fail_unless(said.at("meta").at("config_id") == "abc");
    fail_if(said.at("audio_configurations").contains("vod"));
    // The stream key stays where it is.
    fail_if(has(said.dump(), "SECRET"));
}
GST_END_TEST

GST_START_TEST(test_limits) {
    const auto with = [](const char *pointer, const json &value) {
        json out = request();
        out[json::json_pointer(pointer)] = value;
        return out;
    };
    const struct {
        const char *pointer;
        json value;
        const char *told;
    } cases[] = {
        {"/preferences/maximum_video_tracks", 1, "success 1080"},
        {"/preferences/maximum_video_tracks", 99, "success 1080 720 360"},
        {"/preferences/maximum_aggregate_bitrate", 8000, "success 1080 360"},
        {"/preferences/maximum_aggregate_bitrate", 4000, "success 720 360"},
        {"/preferences/maximum_aggregate_bitrate", 100, "error"},
        {"/preferences/canvases/0/width", 1280, "success 720 360"},
        {"/preferences/canvases/0/height", 400, "success 360"},
        {"/preferences/canvases/0/height", 100, "error"},
        {"/client/supported_codecs", {"h264"}, "success 1080 720"},
        {"/client", nullptr, "success 1080 720"},
        {"/preferences", nullptr, "success 1080 720 360"},
    };
    for (const auto &[pointer, value, expected] : cases)
        fail_unless_equals_string(told(with(pointer, value)).c_str(), expected);
    const json vod = answer(with("/preferences/vod_track_audio", true));
    fail_unless_equals_int(vod.at("audio_configurations").at("vod").size(), 1);
}
GST_END_TEST

// What is no request is answered in OBS' own form, which it shows.
GST_START_TEST(test_nonsense) {
    for (const std::string &body :
         {std::string(), std::string("GET"), std::string("[]"), std::string("7"),
          std::string(100'000, '['), std::string(100'000, ' '),
          std::string("{\"preferences\": {\"canvases\": [[[[]]]]")}) {
        const json said = json::parse(multitrack::answer(body, ladder(), {}, "abc"));
        read_as_obs(said);
        fail_unless(said.at("status").at("result") == "error");
        fail_unless(said.at("status").at("html_en_us").is_string());
    }
}
GST_END_TEST

GST_START_TEST(test_description) {
    const std::string video = "    video: [{width: 1280, height: 720, bitrate: 3Mbit}]\n";
    const std::string address = "    address: :8080\n";
    fail_unless_equals_string(problem(address + video).c_str(), "");
    const struct {
        std::string text, says;
    } cases[] = {
        {video, "has no 'address'"},
        {address, "has no 'video'"},
        {address + "    video: []\n", "one to ten tracks"},
        {address + "    video: [{width: 1280, bitrate: 3Mbit}]\n", "width, height and bitrate"},
        {address + "    video: [{width: 1281, height: 720, bitrate: 3Mbit}]\n", "odd"},
        {address + "    video: [{width: 1280, height: 720, bitrate: 3}]\n", "write one as 3Mbit"},
        {address + "    video: [{width: 99999, height: 720, bitrate: 3Mbit}]\n", "as 1280"},
        {address + "    video: [{width: 1280, height: 720, bitrate: 3Mbit, codec: vp9}]\n", "vp9"},
        {address + "    video: [{width: 1280, height: 720, bitrate: 3Mbit, codec: h265}]\n",
         "no software encoder for h265"},
        {address + "    video: [{width: 1280, height: 720, bitrte: 3Mbit}]\n", "bitrate"},
        {address + video + "    keyframes: 500ms\n", "as 2s"},
        {"    address: nonsense\n" + video, "has to be an address"},
    };
    for (const auto &[text, says] : cases)
        fail_unless(has(problem(text), says), "%s: %s", text.c_str(), problem(text).c_str());
}
GST_END_TEST

// The place depends on the match.
GST_START_TEST(test_place) {
    const auto place = [](const std::string &match, std::string *error) {
        std::string text = head + "    address: :8080\n"
                                  "    video: [{width: 1280, height: 720, bitrate: 3Mbit}]\n";
        const std::string usual = "/live/{name}\n";
        text.replace(text.find(usual), usual.size() - 1, match);
        description::Problems problems;
        const auto loaded = description::load_description(description::Source("x", text), problems);
        fail_unless(loaded != nullptr, "%s", problems.empty() ? "" : problems[0].what.c_str());
        std::vector<std::string> errors;
        const description::Binding binding(
            *loaded, {}, [](const char *) -> const char * { return nullptr; }, errors);
        const auto found = multitrack::place_of(loaded->publish.at(0), binding, error);
        return found ? found->path + " " + found->app : "";
    };
    std::string error;
    fail_unless_equals_string(place("/live/{name}", &error).c_str(), "/multitrack/live live");
    fail_unless_equals_string(place("/a/b/{name}", &error).c_str(), "/multitrack/a/b a/b");
    for (const char *match : {"/live/{name}_hd", "/{room}/{name}"}) {
        fail_unless_equals_string(place(match, &error).c_str(), "");
        fail_unless(has(error, "has to end in /{name}"), "%s", error.c_str());
    }
}
GST_END_TEST

static Suite *multitrack_suite() {
    Suite *suite = suite_create("multitrack");
    TCase *tests = tcase_create("multitrack");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_answer);
    tcase_add_test(tests, test_limits);
    tcase_add_test(tests, test_nonsense);
    tcase_add_test(tests, test_description);
    tcase_add_test(tests, test_place);
    return suite;
}
GST_CHECK_MAIN(multitrack)
