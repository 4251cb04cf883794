// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/srt/client_url.h"

#include "core/net/loop/address.h"
#include "core/srt/stream_id.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace penstock::srt {
namespace {

constexpr std::string_view scheme = "srt://";
/// Parameters whose values can be shown. Others may be secret, or the rest of a stream id whose
/// ampersand was not escaped.
constexpr std::string_view harmless[] = {"mode",         "latency",   "pbkeylen",
                                         "localaddress", "adapter",   "localport",
                                         "transtype",    "conntimeo", "timeout"};

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string decode(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) i += 2;
        out += low >= 0 ? static_cast<char>(high * 16 + low) : text[i];
    }
    return out;
}

bool parse_number(std::string_view text, std::optional<unsigned> &out) {
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size()) return false;
    out = value;
    return true;
}

/// Returns what is wrong with a parameter; empty if nothing is.
std::string take(ClientUrl &url, bool &has_mode, std::string_view name, const std::string &value) {
    if (name == "mode") {
        has_mode = true;
        if (value == "caller" || value == "client")
            url.mode = LinkMode::caller;
        else if (value == "listener" || value == "server")
            url.mode = LinkMode::listener;
        else if (value == "rendezvous")
            url.mode = LinkMode::rendezvous;
        else
            return "mode is caller, listener or rendezvous";
    } else if (name == "streamid") {
        if (value.size() > max_stream_id)
            return "streamid has more than " + std::to_string(max_stream_id) + " bytes";
        url.stream_id = value;
    } else if (name == "localaddress" || name == "adapter") {
        url.local_host = value;
    } else if (name == "passphrase") {
        url.passphrase = value;
    } else if (name == "pbkeylen") {
        if (!parse_number(value, url.key_length)) return "pbkeylen is a number: 16, 24 or 32";
    } else if (name == "latency") {
        if (!parse_number(value, url.latency_ms) || *url.latency_ms > 30'000)
            return "latency is a number of milliseconds, 30000 at most (ffmpeg has microseconds)";
    }
    return {};
}

} // namespace

std::optional<ClientUrl> parse_client_url(std::string_view text, bool publish, std::string *error) {
    const auto fail = [&](const std::string &what) {
        if (error) *error = "'" + without_secrets(text) + "': " + what;
        return std::nullopt;
    };
    if (!text.starts_with(scheme)) return fail("write srt://host:port");
    ClientUrl url;
    std::string_view query = text, place = text.substr(scheme.size());
    const size_t mark = place.find('?');
    query = mark == place.npos ? std::string_view() : place.substr(mark + 1);
    place = place.substr(0, mark);
    const size_t slash = place.find('/');
    const std::string_view path =
        slash == place.npos ? std::string_view() : place.substr(slash + 1);
    const auto address = net::parse_address(place.substr(0, slash));
    if (!address || address->port == 0) return fail("write srt://host:port, with the port");
    url.host = address->host;
    url.port = address->port;
    url.shown = std::string(text.substr(0, scheme.size() + place.size()));
    bool has_mode = false;
    while (!query.empty()) {
        const size_t end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        query = end == query.npos ? std::string_view() : query.substr(end + 1);
        const size_t equals = pair.find('=');
        if (equals == pair.npos) continue;
        const std::string wrong =
            take(url, has_mode, pair.substr(0, equals), decode(pair.substr(equals + 1)));
        if (!wrong.empty()) return fail(wrong);
    }
    if (!has_mode && url.host.empty()) url.mode = LinkMode::listener;
    if (url.mode != LinkMode::listener && url.host.empty())
        return fail("the host is missing, to which it connects");
    if (!path.empty() && !url.stream_id) {
        if (!net::is_safe_path(path))
            return fail("the path is no stream's name: letters, digits and ._~- only, as in "
                        "live/cam");
        url.stream_id = (publish ? "publish:" : "read:") + std::string(path);
    }
    return url;
}

std::string without_secrets(std::string_view url) {
    const size_t mark = url.find('?');
    if (mark == url.npos) return std::string(url);
    std::string out(url.substr(0, mark + 1));
    for (std::string_view rest = url.substr(mark + 1); !rest.empty();) {
        const size_t end = std::min(rest.find('&'), rest.size());
        const std::string_view pair = rest.substr(0, end);
        const size_t value = std::min(pair.find('=') + 1, pair.size());
        const bool is_shown =
            std::any_of(std::begin(harmless), std::end(harmless), [&](std::string_view name) {
                return pair.size() > name.size() && pair.starts_with(name) &&
                       pair[name.size()] == '=';
            });
        out += is_shown ? pair : pair.substr(0, value);
        if (!is_shown) out += "(set)";
        if (end < rest.size()) out += '&';
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
}

} // namespace penstock::srt
