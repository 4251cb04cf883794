// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/client_url.h"

#include <algorithm>

namespace penstock::rtmp {
namespace {

constexpr size_t max_url = 4096; ///< bytes of a location, and of a key

bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7F'; });
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with('/'))
        text.remove_prefix(1);
    while (text.ends_with('/'))
        text.remove_suffix(1);
    return text;
}

/// "host", "host:port", "[v6]:port". False if it is none of these.
bool parse_host(std::string_view text, ClientUrl &out) {
    std::string_view port;
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == text.npos) return false;
        out.host = text.substr(1, end - 1);
        port = text.substr(end + 1);
    } else {
        const size_t colon = text.find(':');
        out.host = text.substr(0, colon);
        port = colon == text.npos ? std::string_view() : text.substr(colon);
    }
    if (out.host.empty()) return false;
    if (port.empty()) return true;
    port.remove_prefix(1);
    unsigned number = 0;
    for (const char c : port) {
        if (c < '0' || c > '9') return false;
        number = number * 10 + unsigned(c - '0');
        if (number > 65535) return false;
    }
    out.port = static_cast<uint16_t>(number);
    return number > 0;
}

/// Splits what follows the host into app and name.
void split(std::string_view rest, std::string_view key, ClientRequest &out) {
    const size_t mark = rest.find('?');
    const std::string_view path = trimmed(rest.substr(0, mark));
    const std::string_view query = mark == rest.npos ? std::string_view() : rest.substr(mark);
    if (!key.empty()) {
        out.app = std::string(path) + std::string(query.size() > 1 ? query : std::string_view());
        out.name = key;
        return;
    }
    const size_t slash = path.rfind('/');
    if (slash != path.npos) {
        out.app = path.substr(0, slash);
        out.name = std::string(path.substr(slash + 1)) + std::string(query);
        return;
    }
    // "app?query/name": how the server and the key of a platform's page look when put together.
    const size_t in_query = query.rfind('/');
    out.app = path;
    if (in_query == query.npos) return;
    out.app += query.substr(0, in_query);
    out.name = query.substr(in_query + 1);
}

} // namespace

std::optional<ClientUrl> parse_client_url(std::string_view location, std::string_view key,
                                          bool publish, std::string *error) {
    const auto fail = [error](const char *what) {
        if (error) *error = what;
        return std::nullopt;
    };
    ClientUrl out;
    std::string_view rest = location;
    if (rest.starts_with("rtmp://")) {
        rest.remove_prefix(7);
    } else if (rest.starts_with("rtmps://")) {
        rest.remove_prefix(8);
        out.tls = true;
    } else {
        return fail("location: it does not begin with rtmp:// or rtmps://");
    }
    if (location.size() > max_url || key.size() > max_url)
        return fail("location: longer than 4096 bytes");
    if (!is_plain(location) || !is_plain(key))
        return fail("location and key: no spaces and control characters are allowed");
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view authority = rest.substr(0, slash);
    if (authority.find('@') != authority.npos)
        return fail("location: a user and password before the host are not supported; give the "
                    "stream key as `key`");
    if (!parse_host(authority, out))
        return fail("location: no valid host and port after ://, as in rtmp://host:1935/app/name");
    const uint16_t usual = out.tls ? 443 : 1935;
    if (out.port == 0) out.port = usual;
    split(rest.substr(slash), key, out.request);
    if (out.request.app.empty())
        return fail("location: no application after the host: write rtmp://host/app/name, or "
                    "rtmp://host/app and the stream key as `key`");
    if (out.request.name.empty())
        return fail("location: no stream name: write rtmp://host/app/name, or rtmp://host/app and "
                    "the stream key as `key`");
    out.request.publish = publish;
    std::string server = out.tls ? "rtmps://" : "rtmp://";
    server += out.host.find(':') != out.host.npos ? "[" + out.host + "]" : out.host;
    if (out.port != usual) server += ":" + std::to_string(out.port);
    out.request.tc_url = server + "/" + out.request.app;
    out.shown = server + "/" + out.request.app.substr(0, out.request.app.find('?'));
    return out;
}

} // namespace penstock::rtmp
