// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console/streams.h"

#include "core/net/http/server.h"
#include "protocols/table.h"
#include "supervisor/main_loop.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

namespace penstock::console {
namespace {

/// RFC 3339 in UTC, precise to seconds.
std::string date_of(int64_t ms) {
    const time_t seconds = ms / 1000;
    tm utc{};
    gmtime_r(&seconds, &utc);
    char text[32] = "";
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

nlohmann::json date_or_null(int64_t ms) {
    return ms > 0 ? nlohmann::json(date_of(ms)) : nlohmann::json(nullptr);
}

/// How the page plays the mount; nullptr: not at all.
const protocols::PageKind *page_kind(const protocols::Protocol &protocol,
                                     const state::Mount &mount) {
    for (const protocols::PageKind &kind : protocol.page_kinds)
        if (mount.content_type.starts_with(kind.content_type)) return &kind;
    return nullptr;
}

/// Adds the addresses of the mount, and of what is beside it.
void add_addresses(nlohmann::json &one, const protocols::PageKind &kind, const std::string &path,
                   const net::Address &http) {
    if (!one.contains(kind.key)) one[kind.key] = path;
    const auto &beside = kind.beside;
    if (!beside.key || one.contains(beside.key) || !path.ends_with(beside.ending)) return;
    const std::string other =
        path.substr(0, path.size() - std::string_view(beside.ending).size()) + beside.instead;
    const auto server = net::HttpServer::find(http);
    if (server && server->serves(other)) one[beside.key] = other;
}

void add_media(nlohmann::json &one, const state::Mount &mount) {
    const bool is_known = mount.has_video || mount.has_audio;
    if (is_known || mount.content_type.starts_with("audio/")) {
        one["video"] = mount.has_video;
        one["audio"] = mount.has_audio || !is_known;
    }
    if (mount.width == 0 || mount.height == 0) return;
    one["width"] = mount.width;
    one["height"] = mount.height;
}

/// Adds the addresses at which `play` rules of the listener start a form of the stream on request.
void add_on_demand(nlohmann::json &one, const std::string &stream, const net::Address &http) {
    const auto server = net::HttpServer::find(http);
    if (!server) return;
    for (const auto &protocol : protocols::all()) {
        if (protocol->page_kinds.empty()) continue;
        const char *key = protocol->page_kinds.front().key;
        for (const std::string &suffix : protocol->path_suffixes)
            if (!one.contains(key) && server->rules().demand_for(stream + suffix))
                one[key] = "/" + stream + suffix;
    }
}

/// null if the page can play nothing of it.
nlohmann::json describe(const state::Stream &stream, const net::Address &http) {
    nlohmann::json one;
    bool live = false;
    int64_t since = 0, last_media = 0;
    for (const state::Mount *mount : stream.mounts) {
        const auto *protocol = protocols::find_protocol(mount->protocol);
        if (!protocol || mount->address != http) continue;
        const auto *kind = page_kind(*protocol, *mount);
        if (!kind) continue;
        add_addresses(one, *kind, "/" + mount->path, http);
        live |= mount->live;
        if (mount->live && (since == 0 || mount->since < since)) since = mount->since;
        last_media = std::max(last_media, mount->last_media);
        add_media(one, *mount);
    }
    if (one.is_null()) return one;
    add_on_demand(one, stream.name, http);
    one["name"] = stream.name;
    one["live"] = live && stream.live;
    one["since"] = date_or_null(live && stream.live ? since : 0);
    one["off_since"] = date_or_null(live && stream.live ? 0 : last_media);
    one["viewers"] = stream.viewers;
    one["players"] = stream.players;
    // Players that connect elsewhere.
    for (const state::Mount *mount : stream.mounts)
        if (const auto *protocol = protocols::find_protocol(mount->protocol);
            protocol && protocol->has_players && mount->is_fed)
            one[protocol->name] = true;
    return one;
}

} // namespace

bool has_rooms(const net::HttpServer &server) {
    return server.rules().lease_for("room/NAME/join") != nullptr;
}

std::string streams_json(const state::Mounts &all, const net::Address &http) {
    nlohmann::json list = nlohmann::json::array();
    for (const state::Stream &stream : state::streams_of(all.mounts)) {
        nlohmann::json one = describe(stream, http);
        if (!one.is_null()) list.push_back(std::move(one));
    }
    nlohmann::json out = {{"streams", std::move(list)}};
    for (const auto &protocol : protocols::all())
        if (protocol->publish_ports) out[protocol->name] = nlohmann::json::array();
    for (const state::Port &port : all.ports)
        out[port.protocol].push_back(
            {{"host", port.address.host}, {"port", port.address.port}, {"key", port.needs_key}});
    const auto server = net::HttpServer::find(http);
    out["rooms"] = server && has_rooms(*server);
    return out.dump();
}

StreamList::StreamList(net::Address http, Collect collect, Clock clock)
    : http_(std::move(http)), collect_(std::move(collect)), clock_(std::move(clock)) {
}

void StreamList::ask(Answer answer) {
    std::unique_lock lock(mutex_);
    if (json_ && clock_() - made_at_ < longest_age) {
        const auto json = json_;
        lock.unlock();
        return answer(*json);
    }
    waiting_.push_back(std::move(answer));
    if (waiting_.size() > 1) return; // collection is in progress
    lock.unlock();
    supervisor::post([self = shared_from_this()] { self->collect(); });
}

void StreamList::collect() {
    const auto json = std::make_shared<const std::string>(streams_json(collect_(), http_));
    std::vector<Answer> waiting;
    {
        std::lock_guard lock(mutex_);
        json_ = json;
        made_at_ = clock_();
        waiting.swap(waiting_);
    }
    for (const Answer &answer : waiting)
        answer(*json);
}

} // namespace penstock::console
