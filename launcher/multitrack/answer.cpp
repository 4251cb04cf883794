// SPDX-License-Identifier: LGPL-2.1-or-later
#include "multitrack/answer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

namespace penstock::multitrack {
namespace {

using description::Multitrack;
using description::Rendition;
using nlohmann::json;

constexpr int max_depth = 16;
constexpr const char *schema_version = "2025-01-25";

/// A member of an object; nullptr if there is none.
const json *find(const json *object, const char *name) {
    if (!object || !object->is_object()) return nullptr;
    const auto found = object->find(name);
    return found == object->end() || found->is_null() ? nullptr : &*found;
}

/// A number from 1 on.
std::optional<uint64_t> number(const json *value) {
    if (!value || !value->is_number_unsigned() || value->get<uint64_t>() == 0) return std::nullopt;
    return value->get<uint64_t>();
}

/// The codecs, size and bitrate that a request asks for.
struct Asked {
    std::set<std::string> codecs{"h264"};
    uint64_t width = UINT64_MAX, height = UINT64_MAX;
    uint64_t fps_numerator = 30, fps_denominator = 1;
    uint64_t bitrate = UINT64_MAX; ///< bit/s, of all tracks
    uint64_t tracks = description::max_renditions;
    bool wants_vod_audio = false;
};

Asked read(const json &request) {
    Asked out;
    if (const json *codecs = find(find(&request, "client"), "supported_codecs");
        codecs && codecs->is_array())
        for (const json &codec : *codecs)
            if (codec.is_string()) out.codecs.insert(codec.get<std::string>());
    const json *preferences = find(&request, "preferences");
    // OBS counts kbit/s.
    if (const auto kbit = number(find(preferences, "maximum_aggregate_bitrate")))
        out.bitrate = std::min<uint64_t>(*kbit, UINT32_MAX) * 1000;
    out.tracks = std::min(number(find(preferences, "maximum_video_tracks")).value_or(out.tracks),
                          out.tracks);
    const json *vod = find(preferences, "vod_track_audio");
    out.wants_vod_audio = vod && vod->is_boolean() && vod->get<bool>();
    const json *canvases = find(preferences, "canvases");
    const json *canvas =
        canvases && canvases->is_array() && !canvases->empty() ? &canvases->front() : nullptr;
    out.width = number(find(canvas, "width")).value_or(out.width);
    out.height = number(find(canvas, "height")).value_or(out.height);
    const json *framerate = find(canvas, "framerate");
    const auto numerator = number(find(framerate, "numerator"));
    const auto denominator = number(find(framerate, "denominator"));
    if (numerator && denominator && *numerator <= UINT32_MAX && *denominator <= UINT32_MAX) {
        out.fps_numerator = *numerator;
        out.fps_denominator = *denominator;
    }
    return out;
}

/// The tracks that this publisher can make, in the ladder's order.
std::vector<Rendition> choose(const Multitrack &ladder, const Asked &asked) {
    std::vector<Rendition> out;
    uint64_t sum = static_cast<uint64_t>(ladder.audio_bitrate);
    for (const Rendition &each : ladder.video) {
        const bool fits = asked.codecs.contains(each.codec) && each.width <= asked.width &&
                          each.height <= asked.height;
        const auto bitrate = static_cast<uint64_t>(each.bitrate);
        if (!fits || out.size() == asked.tracks || sum + bitrate > asked.bitrate) continue;
        sum += bitrate;
        out.push_back(each);
    }
    return out;
}

json video_of(const Rendition &track, const Multitrack &ladder, const Asked &asked) {
    json settings = {{"rate_control", "CBR"},
                     {"bitrate", track.bitrate / 1000},
                     {"keyint_sec", ladder.keyframes / 1'000'000'000},
                     {"bf", 0}};
    if (track.encoder == "obs_x264") {
        settings["preset"] = "veryfast";
        settings["profile"] = "high";
        // All tracks have their keyframes at the same frames.
        settings["x264opts"] = "scenecut=0";
    }
    const uint64_t numerator = track.fps > 0 ? track.fps : asked.fps_numerator;
    const uint64_t denominator = track.fps > 0 ? 1 : asked.fps_denominator;
    return {{"type", track.encoder},
            {"width", track.width},
            {"height", track.height},
            {"framerate", {{"numerator", numerator}, {"denominator", denominator}}},
            {"gpu_scale_type", "OBS_SCALE_BICUBIC"},
            {"colorspace", "VIDEO_CS_709"},
            {"range", "VIDEO_RANGE_PARTIAL"},
            {"format", "VIDEO_FORMAT_NV12"},
            {"canvas_index", 0},
            {"settings", std::move(settings)}};
}

json audio_of(const Multitrack &ladder) {
    return json::array({{{"codec", "aac"},
                         {"track_id", 1},
                         {"channels", ladder.audio_channels},
                         {"settings", {{"bitrate", ladder.audio_bitrate / 1000}}}}});
}

/// `html` is shown by OBS.
json failed(const std::string &html) {
    return {{"result", "error"}, {"html_en_us", html}};
}

} // namespace

std::string answer(std::string_view request, const Multitrack &ladder,
                   const std::vector<Ingest> &ingest, const std::string &config_id) {
    json endpoints = json::array(), video = json::array();
    for (const Ingest &each : ingest)
        endpoints.push_back({{"protocol", each.protocol}, {"url_template", each.url}});
    json status = {{"result", "success"}};
    Asked asked;
    const auto depth = [](int level, json::parse_event_t, json &) { return level < max_depth; };
    const json parsed = request.size() > max_request ? json(json::value_t::discarded)
                                                     : json::parse(request, depth, false);
    if (!parsed.is_object()) {
        status = failed("The server does not understand this request.");
    } else {
        asked = read(parsed);
        for (const Rendition &track : choose(ladder, asked))
            video.push_back(video_of(track, ladder, asked));
        if (video.empty())
            status = failed("The server wants none of the tracks that this OBS may send: look at "
                            "the output's size, the number of tracks and the bitrate.");
    }
    json audio = {{"live", audio_of(ladder)}};
    if (asked.wants_vod_audio) audio["vod"] = audio_of(ladder);
    return json{
        {"meta",
         {{"service", "Penstock"}, {"schema_version", schema_version}, {"config_id", config_id}}},
        {"status", std::move(status)},
        {"ingest_endpoints", std::move(endpoints)},
        {"encoder_configurations", std::move(video)},
        {"audio_configurations", std::move(audio)}}
        .dump();
}

} // namespace penstock::multitrack
