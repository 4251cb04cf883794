// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/keys.h"

namespace penstock::description {
namespace {

struct Keys {
    const char *name;
    std::vector<std::string> keys;
};

/// In the order of Place.
const std::vector<Keys> &table() {
    static const std::vector<Keys> keys = {
        {"description",
         {"summary", "description", "parameters", "start", "pipeline", "publish", "play", "page",
          "authorize", "notify", "restart", "expect"}},
        {"parameter",
         {"type", "default", "min", "max", "help", "secret", "required", "choices", "schemes",
          "optional"}},
        {"start", {"name", "when", "pipeline"}},
        {"publish",
         {"match", "pipeline", "publish-key", "grace", "max-instances", "authorize", "notify",
          "multitrack"}},
        {"play", {"match", "pipeline", "idle", "max-instances", "authorize", "notify"}},
        {"authorize",
         {"only", "allow", "deny", "keys", "sign", "jwt", "url", "style", "secret", "timeout",
          "cache"}},
        {"jwt", {"keys", "issuer", "audience", "claim"}},
        {"notify", {"url", "style", "secret", "timeout"}},
        {"page", {"address", "embed", "redirect-from"}},
        {"multitrack", {"address", "video", "audio-bitrate", "audio-channels", "keyframes"}},
        {"rendition", {"width", "height", "bitrate", "fps", "codec", "encoder"}},
        {"restart", {"policy", "delay", "max-delay"}},
        {"expect",
         {"set", "sample", "publisher", "beside", "within", "duration", "video", "audio", "fps",
          "keyframe-interval", "skew", "latency", "over"}},
        {"output", {"video", "audio", "fps", "keyframe-interval", "skew", "latency"}},
        {"fragment", {"when", "from", "launch", "hint"}},
    };
    return keys;
}

} // namespace

const std::vector<std::string> &keys_of(Place place) {
    return table().at(static_cast<size_t>(place)).keys;
}

const char *name_of(Place place) {
    return table().at(static_cast<size_t>(place)).name;
}

const std::vector<Place> &all_places() {
    static const std::vector<Place> places = [] {
        std::vector<Place> out;
        for (size_t i = 0; i < table().size(); ++i)
            out.push_back(static_cast<Place>(i));
        return out;
    }();
    return places;
}

} // namespace penstock::description
