// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console/streams.h"

#include "core/net/rtmp/server.h"
#include "core/net/stream/mounts.h"

#include <nlohmann/json.hpp>

#include <ctime>
#include <map>
#include <set>
#include <string_view>

namespace penstock::console {
namespace {

/// RFC 3339 in UTC, to the second.
std::string date_of(int64_t ms) {
    const time_t seconds = ms / 1000;
    tm utc{};
    gmtime_r(&seconds, &utc);
    char text[32] = "";
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

} // namespace

std::string stream_name(std::string_view path) {
    for (std::string_view suffix : {"/index.m3u8", ".m3u8"})
        if (path.ends_with(suffix)) return std::string(path.substr(0, path.size() - suffix.size()));
    return std::string(path);
}

std::string streams_json(const net::Address &http) {
    nlohmann::json rtmp = nlohmann::json::array();
    std::map<std::string, unsigned> players;
    std::set<std::string> away; ///< whose publisher has gone; their pipelines still wait
    for (const auto &server : net::RtmpServer::all()) {
        const net::Address at = server->address();
        rtmp.push_back(
            {{"host", at.host}, {"port", at.port}, {"key", server->rules().needs_key()}});
        for (const auto &mount : server->mounts()) {
            players[mount.path] += mount.viewers;
            if (mount.claimed && !mount.publishing) away.insert(mount.path);
        }
    }

    std::map<std::string, nlohmann::json> streams;
    for (const auto &mount : net::Mounts::instance().snapshot("hls")) {
        if (mount.address != http) continue;
        const std::string name = stream_name(mount.path);
        nlohmann::json &stream = streams[name];
        stream = {{"name", name},
                  {"live", mount.live && !away.contains(name)},
                  {"hls", "/" + mount.path},
                  {"since", nullptr},
                  {"width", mount.media.width},
                  {"height", mount.media.height},
                  {"video", mount.media.has_video},
                  {"audio", mount.media.has_audio},
                  {"players", players[name]},
                  {"viewers", mount.viewers}};
        if (mount.live) stream["since"] = date_of(mount.since);
    }
    for (const auto &mount : net::Mounts::instance().snapshot("http")) {
        constexpr std::string_view suffix = ".flv";
        if (mount.address != http || !mount.path.ends_with(suffix)) continue;
        const auto found = streams.find(mount.path.substr(0, mount.path.size() - suffix.size()));
        if (found == streams.end()) continue;
        found->second["flv"] = "/" + mount.path;
        found->second["viewers"] = found->second["viewers"].get<unsigned>() + mount.viewers;
    }
    nlohmann::json list = nlohmann::json::array();
    for (auto &[name, stream] : streams)
        list.push_back(std::move(stream));
    return nlohmann::json{{"streams", std::move(list)}, {"rtmp", std::move(rtmp)}}.dump();
}

} // namespace penstock::console
