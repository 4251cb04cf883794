// SPDX-License-Identifier: LGPL-2.1-or-later
// The head of a response: status line and headers. Thread-safe.
#pragma once

#include "core/net/http/cors.h"
#include "core/net/http/response.h"

#include <string>

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
    std::string vary;  ///< of the server itself; empty: none
    HttpHeaders first; ///< replaced by the response's own headers of the same name
};

std::string response_head(const HttpResponse &response, const HttpHeadOptions &options);

} // namespace penstock::net
