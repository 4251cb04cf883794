// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as OBS' request for a configuration of multitrack video. Laws: the answer is JSON with
// what OBS reads; its tracks are of the ladder, within what was asked.
#include "multitrack/answer.h"

#include "fuzz/law.h"

#include <nlohmann/json.hpp>

using namespace penstock;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    description::Multitrack ladder;
    ladder.video = {{.width = 1920, .height = 1080, .bitrate = 6'000'000, .encoder = "obs_x264"},
                    {.width = 1280, .height = 720, .bitrate = 3'000'000, .encoder = "obs_x264"},
                    {.width = 640,
                     .height = 360,
                     .bitrate = 800'000,
                     .codec = "av1",
                     .encoder = "ffmpeg_svt_av1"}};
    const std::string request(reinterpret_cast<const char *>(data), size);
    const auto parsed = nlohmann::json::parse(
        multitrack::answer(request, ladder, {{"RTMP", "rtmp://a/live/{stream_key}"}}, "id"));
    const auto &video = parsed.at("encoder_configurations");
    const bool failed = parsed.at("status").at("result") == "error";
    fuzz::law(failed == video.empty(), "without tracks it says why");
    fuzz::law(video.size() <= ladder.video.size(), "no track is invented");
    int64_t last = INT64_MAX;
    for (const auto &track : video) {
        const int64_t bitrate = track.at("settings").at("bitrate");
        fuzz::law(bitrate < last, "the ladder's order stays");
        last = bitrate;
        fuzz::law(track.at("framerate").at("denominator") > 0, "a frame rate is one");
    }
    fuzz::law(parsed.at("meta").at("config_id") == "id", "the id is given");
    return 0;
}
