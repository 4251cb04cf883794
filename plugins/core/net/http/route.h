// SPDX-License-Identifier: LGPL-2.1-or-later
// What a route of an HTTP server takes, from whom, and who answers it.
#pragma once

#include "core/net/http/cors.h"
#include "core/net/http/request.h"
#include "core/net/http/response.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace penstock::net {

/// Called on a network loop: must return at once. May keep `reply`, which is called once, from any
/// thread.
using HttpHandler = std::function<void(const HttpRequest &, HttpReply reply)>;

/// Says whether a request may go on: nullopt, or what it is answered instead (401 with
/// WWW-Authenticate, 403, …). From any thread, once.
using HttpVerdict = std::function<void(std::optional<HttpResponse> refusal)>;
/// Is asked about each request to a route but CORS preflights, before its body is read. Called on
/// a network loop: must return at once, may keep `verdict`.
using HttpAccess = std::function<void(const HttpRequest &, HttpVerdict verdict)>;
/// A verdict that takes longer is a refusal with 503.
inline constexpr std::chrono::seconds http_access_timeout{5};

struct HttpRouteOptions {
    /// "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE". Where GET is, HEAD is as well. Other
    /// methods get 405. OPTIONS is answered by the server.
    std::vector<std::string> methods{"GET"};
    size_t max_body = 4 << 10; ///< bytes of a request's body, at most 16 MiB; more gets 413
    HttpAccess access;         ///< none: everybody may
    HttpCors cors;
};

struct HttpRoute {
    HttpHandler handler;
    HttpRouteOptions options;

    bool takes(std::string_view method) const;
    /// "GET, HEAD, OPTIONS": the value of the Allow header.
    std::string allowed() const;
};

} // namespace penstock::net
