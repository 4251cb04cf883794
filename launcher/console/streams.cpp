// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console/streams.h"

#include "protocols/table.h"
#include "supervisor/main_loop.h"

#include <nlohmann/json.hpp>

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

} // namespace

std::string streams_json(const state::Mounts &all, const net::Address &http) {
    nlohmann::json list = nlohmann::json::array();
    for (const state::Stream &stream : state::streams_of(all.mounts)) {
        nlohmann::json one = nlohmann::json::object();
        for (const state::Mount *mount : stream.mounts) {
            const auto *protocol = protocols::find_protocol(mount->protocol);
            if (!protocol || !protocol->page_key || mount->address != http) continue;
            // The page plays only mounts with a protocol's suffix, not one named like the stream
            // itself.
            if (mount->path == stream.name) continue;
            one[protocol->page_key] = "/" + mount->path;
            one["viewers"] = one.value("viewers", 0U) + mount->viewers;
            if (!protocol->lists_streams) continue;
            one["live"] = mount->live && stream.live;
            one["since"] =
                mount->live ? nlohmann::json(date_of(mount->since)) : nlohmann::json(nullptr);
            one["width"] = mount->width;
            one["height"] = mount->height;
            one["video"] = mount->has_video;
            one["audio"] = mount->has_audio;
        }
        // Only mounts with media information define a stream for the page; others are alternatives.
        if (!one.contains("live")) continue;
        one["name"] = stream.name;
        one["players"] = stream.players;
        list.push_back(std::move(one));
    }
    nlohmann::json out = {{"streams", std::move(list)}};
    for (const auto &protocol : protocols::all())
        if (protocol->publish_ports) out[protocol->name] = nlohmann::json::array();
    for (const state::Port &port : all.ports)
        out[port.protocol].push_back(
            {{"host", port.address.host}, {"port", port.address.port}, {"key", port.needs_key}});
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
