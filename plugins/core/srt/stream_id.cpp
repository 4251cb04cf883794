// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/srt/stream_id.h"

#include "core/bytes/printable.h"
#include "core/net/loop/address.h"

#include <array>

namespace penstock::srt {
namespace {

constexpr std::string_view keyed = "#!::";
constexpr std::string_view nested = "#!:{";
/// Characters of a refused path that the log shows.
constexpr size_t shown = 80;

ParsedId wrong(Wrong what, std::string reason) {
    ParsedId parsed;
    parsed.wrong = what;
    parsed.reason = std::move(reason);
    return parsed;
}

/// Cuts the text before `end` off `rest`, and the end with it.
std::string_view take(std::string_view &rest, char end) {
    const size_t at = rest.find(end);
    const std::string_view part = rest.substr(0, at);
    rest = at == rest.npos ? std::string_view() : rest.substr(at + 1);
    return part;
}

void add_to_query(StreamId &id, std::string_view pair) {
    if (pair.empty()) return;
    if (!id.query.empty()) id.query += '&';
    id.query += pair;
}

/// The begin of a path that is refused. What follows may be a key in a form that is not understood,
/// and goes into no log.
std::string_view legal_part(std::string_view path) {
    constexpr std::string_view legal =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-/";
    return path.substr(0, path.find_first_not_of(legal));
}

/// Completes an id whose path is "/live/cam?x=y" or "live/cam". `secret`: counts where the query
/// has no key.
ParsedId finish(StreamId &&id, std::string_view path, std::string_view secret) {
    std::string_view query = path;
    path = take(query, '?');
    if (path.starts_with('/')) path.remove_prefix(1);
    if (path.empty())
        return wrong(Wrong::syntax,
                     "the stream id names no stream: send #!::r=live/NAME,m=publish or "
                     "publish:live/NAME, or request and read");
    if (!net::is_safe_path(path))
        return wrong(Wrong::syntax, "'" + printable(legal_part(path), shown) +
                                        "…' is not a legal stream name: letters, digits and ._~- "
                                        "only, as in live/cam");
    std::string of_keys = std::move(id.query);
    id.query.clear();
    add_to_query(id, query);
    add_to_query(id, of_keys);
    id.path = path;
    const std::string_view key = net::query_value(id.query, "key");
    id.key = key.empty() ? secret : key;
    ParsedId parsed;
    parsed.id = std::move(id);
    return parsed;
}

bool set_mode(StreamId &id, std::string_view mode) {
    if (mode == "publish")
        id.mode = Mode::publish;
    else if (mode == "request" || mode == "read" || mode == "play")
        id.mode = Mode::request;
    else
        return false;
    return true;
}

ParsedId wrong_mode() {
    return wrong(Wrong::mode, "its mode is not served: streams are published or read, as "
                              "m=publish or m=request");
}

/// "u=admin,r=live/cam,m=publish"
ParsedId parse_keys(std::string_view rest) {
    StreamId id;
    std::string_view resource, session;
    while (!rest.empty()) {
        const std::string_view pair = take(rest, ',');
        std::string_view value = pair;
        const std::string_view name = take(value, '=');
        if (name == "r") {
            resource = value;
        } else if (name == "h") {
            id.host = value;
        } else if (name == "s") {
            session = value;
        } else if (name == "m") {
            if (!set_mode(id, value)) return wrong_mode();
        } else if (name == "t") {
            if (value == "file" || value == "auth")
                return wrong(Wrong::type, "the type '" + std::string(value) +
                                              "' is not served: t=stream is the only one");
        } else if (name == "u") {
            add_to_query(id, "user=" + std::string(value));
        } else {
            add_to_query(id, pair);
        }
    }
    // Before SRS had `r`, its ids had the path in `h`.
    const bool is_old = resource.empty() && id.host.find('/') != std::string::npos;
    const std::string path(is_old ? std::string_view(id.host) : resource);
    if (is_old) id.host.clear();
    return finish(std::move(id), path, session);
}

/// "publish:live/cam:user:pass:x=y"
ParsedId parse_colons(std::string_view rest) {
    std::array<std::string_view, 5> parts;
    size_t count = 0;
    for (bool more = true; more; ++count) {
        if (count == parts.size())
            return wrong(Wrong::syntax, "its stream id has too many colons: send "
                                        "publish:PATH:USER:PASSWORD:QUERY or less");
        more = rest.find(':') != rest.npos;
        parts[count] = take(rest, ':');
    }
    StreamId id;
    if (!set_mode(id, parts[0]) || parts[0] == "request") return wrong_mode();
    if (count >= 4 && !parts[2].empty()) id.query = "user=" + std::string(parts[2]);
    add_to_query(id, count == 3 ? parts[2] : parts[4]);
    return finish(std::move(id), parts[1], count >= 4 ? parts[3] : std::string_view());
}

} // namespace

ParsedId parse_stream_id(std::string_view id) {
    if (id.size() > max_stream_id)
        return wrong(Wrong::syntax,
                     "its stream id has more than " + std::to_string(max_stream_id) + " bytes");
    // Some senders send the end of a C string with it.
    while (!id.empty() && (id.back() == '\0' || id.back() == ' '))
        id.remove_suffix(1);
    if (id.starts_with(nested))
        return wrong(Wrong::syntax, "a stream id with braces is not understood: send "
                                    "#!::r=live/NAME,m=publish");
    if (id.starts_with(keyed)) return parse_keys(id.substr(keyed.size()));
    // A path has no colon; its query may.
    if (const size_t colon = id.find(':'); colon != id.npos && colon < id.find('?'))
        return parse_colons(id);
    return finish({}, id, {});
}

} // namespace penstock::srt
