// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/callback.h"

#include "authorize/digest.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::authorize {
namespace {

using nlohmann::json;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view unreserved =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

/// Percent-encodes all but the unreserved characters and those in `keep`.
std::string encoded(std::string_view text, std::string_view keep = {}) {
    std::string out;
    for (const char c : text) {
        if (unreserved.find(c) != unreserved.npos || keep.find(c) != keep.npos)
            out += c;
        else
            out += '%' + hex(std::string_view(&c, 1));
    }
    return out;
}

const char *word(Event event, const char *publish, const char *play, const char *unpublish,
                 const char *stop) {
    switch (event) {
    case Event::publish:
        return publish;
    case Event::play:
        return play;
    case Event::unpublish:
        return unpublish;
    case Event::stop:
        return stop;
    }
    return "";
}

/// The peer's query is appended unchanged, as nginx-rtmp does; but it can't replace the server's
/// own fields.
std::string form_of(Event event, const Request &request) {
    Fields fields = {
        {"app", request.app},
        {"flashver", request.client},
        {"addr", request.ip},
        {"clientid", request.id},
        {"call", word(event, "publish", "play", "publish_done", "play_done")},
        {"name", request.name},
        {"path", request.path},
        {"protocol", request.protocol},
        {"tls", request.is_encrypted ? "1" : "0"},
    };
    if (request.publish) fields.emplace_back("type", "live");
    std::string out;
    for (const auto &[name, value] : fields)
        out += (out.empty() ? "" : "&") + name + '=' + encoded(value);
    std::string_view query = request.query;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), part.size() + 1));
        const std::string_view name = part.substr(0, part.find('='));
        const bool is_ours = std::any_of(fields.begin(), fields.end(),
                                         [&](const auto &field) { return field.first == name; });
        // A percent-encoded name could stand for one of the server's fields.
        if (part.empty() || is_ours || name.find_first_of("%+") != name.npos) continue;
        out += '&' + encoded(part, "=%+");
    }
    return out;
}

json srs_of(Event event, const Request &request) {
    return {{"action", word(event, "on_publish", "on_play", "on_unpublish", "on_stop")},
            {"client_id", request.id},
            {"ip", request.ip},
            {"vhost", "__defaultVhost__"},
            {"app", request.app},
            {"stream", request.name},
            {"param", request.query.empty() ? "" : '?' + request.query},
            {"stream_url", '/' + request.stream()},
            {"protocol", request.protocol},
            {"path", request.path},
            {"tls", request.is_encrypted}};
}

json mediamtx_of(Event event, const Request &request) {
    return {{"ip", request.ip},
            {"user", parameter(request.query, "user")},
            {"password", parameter(request.query, "pass")},
            {"token", request.token},
            {"action", word(event, "publish", "read", "unpublish", "stop")},
            {"path", request.stream()},
            {"protocol", request.protocol},
            {"id", request.id},
            {"query", request.query},
            {"userAgent", request.client},
            {"tls", request.is_encrypted}};
}

/// The path in a `Location` header: NAME or /NAME stays in the app, app/NAME is a whole path.
std::string path_of(const Request &request, std::string_view location) {
    while (location.starts_with('/'))
        location.remove_prefix(1);
    if (location.find('/') != location.npos || request.app.empty()) return std::string(location);
    return request.app + '/' + std::string(location);
}

Judgement refuse(std::string reason) {
    return {.reason = std::move(reason)};
}

Judgement judge_nginx(const Request &request, const Reply &reply) {
    if (reply.status / 100 == 2) return {.allowed = true};
    if (reply.status / 100 != 3) return refuse("answer " + std::to_string(reply.status));
    if (reply.location.empty()) return refuse("a redirect without a Location");
    if (!request.publish) return refuse("a redirect, which only publishers can follow");
    if (reply.location.find("://") != std::string::npos)
        return refuse("a redirect to another server, which is not supported");
    return {.allowed = true, .path = path_of(request, reply.location)};
}

Judgement judge_srs(const Reply &reply) {
    if (reply.status != 200 && reply.status != 201)
        return refuse("answer " + std::to_string(reply.status));
    const json body = json::parse(reply.body, nullptr, false);
    const json code = body.is_object() && body.contains("code") ? body.at("code") : body;
    if (code.is_number_integer() && code == 0) return {.allowed = true};
    return refuse("a body other than 0 or {\"code\": 0}");
}

} // namespace

const std::vector<std::string> &style_names() {
    static const std::vector<std::string> names = {"nginx", "srs", "mediamtx"};
    return names;
}

std::optional<Style> style_of(std::string_view name) {
    const auto found = std::find(style_names().begin(), style_names().end(), name);
    if (found == style_names().end()) return std::nullopt;
    return Style(found - style_names().begin());
}

Body body_of(Style style, Event event, const Request &request) {
    if (style == Style::nginx)
        return {"application/x-www-form-urlencoded", form_of(event, request)};
    const json body = style == Style::srs ? srs_of(event, request) : mediamtx_of(event, request);
    // Network input may not be valid UTF-8: invalid bytes are replaced.
    return {"application/json", body.dump(-1, ' ', false, json::error_handler_t::replace)};
}

std::string signature_of(std::string_view secret, std::string_view body, int64_t now) {
    const std::string time = std::to_string(now);
    return "t=" + time + ",v1=" + hex(hmac_sha256(secret, time + '.' + std::string(body)));
}

Judgement judge(Style style, const Request &request, const Reply &reply) {
    if (style == Style::nginx) return judge_nginx(request, reply);
    if (style == Style::srs) return judge_srs(reply);
    return reply.status / 100 == 2 ? Judgement{.allowed = true}
                                   : refuse("answer " + std::to_string(reply.status));
}

} // namespace penstock::authorize
