// SPDX-License-Identifier: LGPL-2.1-or-later
// A route of an HTTP server: its handler, methods, limits and access control.
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

/// Called on a network loop: must return at once. May keep `reply`, which must be called once, from
/// any thread.
using HttpHandler = std::function<void(const HttpRequest &, HttpReply reply)>;

/// Decides about a request: nullopt allows it, otherwise the given response is sent (401 with
/// WWW-Authenticate, 403, …). Call once, from any thread.
using HttpVerdict = std::function<void(std::optional<HttpResponse> refusal)>;
/// Called for each request to a route except CORS preflights, before its body is read. Called on a
/// network loop: must return at once; may keep `verdict`.
using HttpAccess = std::function<void(const HttpRequest &, HttpVerdict verdict)>;
/// A later verdict is replaced by a 503 response.
inline constexpr std::chrono::seconds http_access_timeout{5};

struct HttpRouteOptions {
    /// "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE". GET implies HEAD. Other methods are
    /// answered with 405, and OPTIONS by the server itself.
    std::vector<std::string> methods{"GET"};
    size_t max_body = 4 << 10; ///< bytes of a request's body, at most 16 MiB; larger ones get 413
    HttpAccess access;         ///< none: everybody has access
    HttpCors cors;
    /// Further headers of the response to OPTIONS: Accept-Post, Accept-Patch.
    HttpHeaders options_headers{};
    /// Of a stream: whether it goes on, for who asks by another name. None: it does. Any thread.
    std::function<bool()> is_live;
};

struct HttpRoute {
    HttpHandler handler;
    HttpRouteOptions options;

    bool takes(std::string_view method) const;
    /// "GET, HEAD, OPTIONS": the value of the Allow header.
    std::string allowed() const;
    /// The refusal of another method: 405.
    HttpResponse wrong_method() const;
    /// The response to OPTIONS: the methods, and what a page of this origin may send (nullptr: the
    /// request was for the server as a whole).
    HttpResponse options_response(const std::string *origin) const;
};

} // namespace penstock::net
