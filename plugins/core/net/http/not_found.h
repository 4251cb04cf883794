// SPDX-License-Identifier: LGPL-2.1-or-later
// The answer to a request for a path at which nothing is served: it says what was probably meant.
#pragma once

#include "core/net/http/response.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// The path of the stream that a path belongs to: "/live/cam" of "/live/cam.flv",
/// "/live/cam.m3u8", "/live/cam/index.m3u8" and "/live/cam/". Endings that nothing here has count,
/// too: who asks by "/live/cam.mp4" means that stream.
std::string_view stream_path(std::string_view path);

/// The name or address of this machine in the Host header, without the port; empty if there is none
/// that is one.
std::string host_of(const HttpRequest &request);

/// "http://HOST:8080", by the Host header; empty if there is none that is one.
std::string origin_of(const HttpRequest &request, std::string_view scheme);

struct NotFound {
    std::vector<std::string> instead; ///< paths at which that stream is served
    bool is_live = true;              ///< false: that stream is over, or its publisher is away
    bool has_page = false;            ///< the viewers' page is at "/"
    const char *scheme = "http";
};

/// 404: HTML for browsers, text for others. Each has the right URLs.
HttpResponse not_found(const HttpRequest &request, const NotFound &known);

} // namespace penstock::net
