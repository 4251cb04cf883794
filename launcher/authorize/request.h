// SPDX-License-Identifier: LGPL-2.1-or-later
// A peer's request to publish or play, as authorizers see it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::authorize {

/// `path`, `query`, `key`, `token` and `client` come from the network. Never log the query, the key
/// or the token.
struct Request {
    bool publish = false;
    std::string protocol; ///< "rtmp", "http", "websocket", "hls", "rtc"
    std::string id;       ///< "rtmp-play-17"
    std::string ip;       ///< "127.0.0.1", "::1"
    std::string port;     ///< "53412"
    std::string path;     ///< "live/cam.flv"
    std::string app;      ///< "live"; empty if the path has one segment
    std::string name;     ///< "cam": without what HTTP URLs end in
    std::string query;    ///< "key=…&x=…" as it was sent
    std::string key;      ///< of `key` in the query
    std::string token;    ///< of `token` or `jwt` in the query
    std::string client;   ///< the peer's own description; printable
    bool is_encrypted = false;

    /// The same for every protocol: "live/cam".
    std::string stream() const { return app.empty() ? name : app + '/' + name; }
};

/// Sets `app` and `name` from the path. `suffixes`: the possible ends of a stream's URLs, such as
/// ".flv" and "/index.m3u8"; empty if a name may end in anything.
void name_stream(Request &request, const std::vector<std::string> &suffixes);

/// The first value of a query parameter, as it was sent.
std::string_view parameter(std::string_view query, std::string_view name);

/// Whether the path matches: `*` stands for any characters but "/", `**` for any.
bool matches(std::string_view pattern, std::string_view path);

} // namespace penstock::authorize
