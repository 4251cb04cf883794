// SPDX-License-Identifier: LGPL-2.1-or-later
// The head of a response: status and headers. Thread-safe.
#pragma once

#include "core/net/http/cors.h"
#include "core/net/http/response.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace penstock::net {

struct HttpHeadOptions {
    enum class Length {
        of_body, ///< Content-Length is the size of the response's body
        chunked, ///< Transfer-Encoding: chunked
        unknown  ///< neither
    };
    unsigned version = 11; ///< HTTP version of the request: 10 or 11
    bool keep_alive = false;
    Length length = Length::of_body;
    std::string_view vary; ///< of the server itself; empty: none
    /// Replaced by the response's own headers of the same name. Has to outlive the call.
    std::span<const HttpHeaders::value_type> first;
};

/// Calls `add` with each header of the response: the server's own, then the response's, then Vary.
/// The connection's headers are not among them.
void each_header(const HttpResponse &response, const HttpHeadOptions &options,
                 const std::function<void(std::string_view name, std::string_view value)> &add);

/// Status line and headers for HTTP/1.1, with those of the connection.
std::string response_head(const HttpResponse &response, const HttpHeadOptions &options);

} // namespace penstock::net
