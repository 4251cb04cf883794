// SPDX-License-Identifier: LGPL-2.1-or-later
// What a handler answers, and helpers for answers whose body is in memory.
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
    Bytes body; ///< sent without a copy; left out for HEAD, 204 and 304
    std::string cache_control = "no-cache";
    /// Further ones. They replace the server's own of the same name, but for Vary, which is added
    /// to; a name that occurs twice is sent twice. Values with control characters are left out.
    std::vector<std::pair<std::string, std::string>> headers;
    /// Sent instead of `body`, if set: what its producer writes until it ends it.
    std::shared_ptr<HttpBody> streamed = nullptr;
};

/// Answers a request exactly once, from any thread.
using HttpReply = std::function<void(HttpResponse)>;

/// A line of text for a person, not to be cached.
HttpResponse http_error(unsigned status, std::string_view text);

/// Answers with the part that the request's Range header asks for: 206, or 416 if none of it
/// exists (RFC 9110 section 14). Call it last, on a complete 200 response with its body in memory;
/// any other response, method or range form (several ranges) is left as it is. With If-Range, the
/// part is sent only if it names the response's strong ETag.
void apply_range(const HttpRequest &request, HttpResponse &response);

/// Sets the ETag header (`"abc"`, with its quotes), and makes the response a 304 if the client has
/// this version already. True if it did.
bool apply_etag(const HttpRequest &request, HttpResponse &response, const std::string &etag);

} // namespace penstock::net
