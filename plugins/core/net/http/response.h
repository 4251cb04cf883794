// SPDX-License-Identifier: LGPL-2.1-or-later
// The response of a handler, and helpers for bodies in memory.
#pragma once

#include "core/bytes/bytes.h"
#include "core/net/http/body.h"
#include "core/net/http/request.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::net {

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    Bytes body; ///< sent without copying; omitted for HEAD, 204 and 304
    std::string cache_control = "no-cache";
    /// Additional headers. They replace the server's own headers of the same name except Vary,
    /// which is extended. Repeated names are sent repeatedly. Values with control characters are
    /// omitted.
    std::vector<std::pair<std::string, std::string>> headers;
    /// Sent instead of `body` if set, until its producer ends it.
    std::shared_ptr<HttpBody> streamed = nullptr;
};

/// Answers a request; must be called exactly once, from any thread.
using HttpReply = std::function<void(HttpResponse)>;

/// A plain-text error response that may not be cached.
HttpResponse http_error(unsigned status, std::string_view text);

/// A 503 that may not be cached: the client may try again after that time.
HttpResponse http_retry(std::string_view text, unsigned seconds);

/// Reduces the response to the part requested by a Range header: 206, or 416 if it is outside the
/// body (RFC 9110, section 14). Call it last, on a complete 200 response with its body in memory;
/// other responses, methods and range forms (several ranges) are unchanged. With If-Range, the part
/// is sent only if it matches the response's strong ETag.
void apply_range(const HttpRequest &request, HttpResponse &response);

/// Sets the ETag header (`"abc"`, including quotes). If the client already has this version, turns
/// the response into a 304 and returns true.
bool apply_etag(const HttpRequest &request, HttpResponse &response, const std::string &etag);

} // namespace penstock::net
