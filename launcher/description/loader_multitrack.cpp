// SPDX-License-Identifier: LGPL-2.1-or-later
// Loads the key `multitrack` of a publish rule.
#include "description/loader.h"

#include <algorithm>

namespace penstock::description {
namespace {

constexpr double max_side = 16384; // pixels
constexpr int64_t second = 1'000'000'000;

} // namespace

const std::vector<std::string> &multitrack_codecs() {
    static const std::vector<std::string> codecs = {"h264", "h265", "av1"};
    return codecs;
}

std::string obs_encoder(const std::string &codec) {
    if (codec == "h264") return "obs_x264";
    return codec == "av1" ? "ffmpeg_svt_av1" : "";
}

/// A number of the type from `min` to `max`; 0 and a problem if it is none.
double Loader::load_number(const Node::Entry &entry, Type type, double min, double max,
                           const std::string &example) {
    const auto number = parse_quantity(type, read_text(entry));
    if (number && *number >= min && *number <= max) return *number;
    problem(entry.value.mark, "'" + entry.key + "' is no number that can be taken",
            "write one as " + example);
    return 0;
}

std::optional<Rendition> Loader::load_rendition(const Node &node) {
    if (!node.is_map()) {
        problem(node.mark, "a track of 'video' has to hold keys",
                "write `- {width: 1280, height: 720, bitrate: 3Mbit}`");
        return std::nullopt;
    }
    Rendition out;
    for (const Node::Entry &key : known_entries(node, Place::rendition, " of a video track")) {
        if (key.key == "width" || key.key == "height") {
            auto &side = key.key == "width" ? out.width : out.height;
            side = unsigned(load_number(key, Type::integer, 16, max_side, "1280"));
            if (side % 2 != 0)
                problem(key.value.mark, "'" + key.key + "' is odd", "encoders take even numbers");
        } else if (key.key == "bitrate") {
            out.bitrate = int64_t(load_number(key, Type::bitrate, 10'000, 1e9, "3Mbit"));
        } else if (key.key == "fps") {
            out.fps = unsigned(load_number(key, Type::integer, 1, 300, "30"));
        } else if (key.key == "codec") {
            out.codec = load_word(key, multitrack_codecs());
        } else if (key.key == "encoder") {
            out.encoder = read_text(key);
        }
    }
    if (out.width == 0 || out.height == 0 || out.bitrate == 0)
        missing(node.mark, "a video track needs width, height and bitrate",
                "write `- {width: 1280, height: 720, bitrate: 3Mbit}`");
    if (out.encoder.empty()) out.encoder = obs_encoder(out.codec);
    if (out.encoder.empty())
        problem(node.mark, "OBS has no software encoder for " + out.codec,
                "name one of its encoders, as `encoder: obs_nvenc_hevc_tex`");
    return out;
}

std::optional<Multitrack> Loader::load_multitrack(const Node::Entry &entry) {
    if (!entry.value.is_map()) {
        problem(entry.value.mark, "'multitrack' has to hold keys",
                "write `address: ${http}` and `video: …` below it");
        return std::nullopt;
    }
    Multitrack out;
    for (const Node::Entry &key : known_entries(entry.value, Place::multitrack, " of multitrack")) {
        if (key.key == "address") {
            if (auto text = load_template(key, false)) {
                check_address(*text, key.key);
                out.address = std::move(*text);
            }
        } else if (key.key == "video") {
            if (!key.value.is_sequence() || key.value.items.empty() ||
                key.value.items.size() > max_renditions)
                problem(key.value.mark, "'video' has to be a list of one to ten tracks",
                        "write `- {width: 1280, height: 720, bitrate: 3Mbit}` below it");
            for (const Node &item : key.value.items)
                if (auto rendition = load_rendition(item)) out.video.push_back(*rendition);
        } else if (key.key == "audio-bitrate") {
            out.audio_bitrate =
                int64_t(load_number(key, Type::bitrate, 16'000, 512'000, "160kbit"));
        } else if (key.key == "audio-channels") {
            out.audio_channels = unsigned(load_number(key, Type::integer, 1, 8, "2"));
        } else if (key.key == "keyframes") {
            out.keyframes =
                int64_t(load_number(key, Type::duration, double(second), 20.0 * second, "2s"));
        }
    }
    if (out.address.pieces.empty())
        missing(entry.key_mark, "multitrack has no 'address'", "add `address: ${http}`");
    if (out.video.empty())
        missing(entry.key_mark, "multitrack has no 'video'",
                "add `video: [{width: 1280, height: 720, bitrate: 3Mbit}]`");
    return out;
}

} // namespace penstock::description
