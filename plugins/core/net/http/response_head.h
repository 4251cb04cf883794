// SPDX-License-Identifier: LGPL-2.1-or-later
// The head of a response: status line and headers. Any thread.
#pragma once

#include "core/net/http/cors.h"
#include "core/net/http/response.h"

#include <string>

namespace penstock::net {

struct HttpHeadOptions {
    enum class Length {
        of_body, ///< Content-Length: the size of the response's body
        chunked, ///< Transfer-Encoding: chunked
        unknown  ///< neither
    };
    unsigned version = 11; ///< of the request: 10 or 11
    bool keep_alive = false;
    Length length = Length::of_body;
    std::string vary;  ///< the server's own; empty: none
    HttpHeaders first; ///< sent before the response's own, which replace them
};

std::string response_head(const HttpResponse &response, const HttpHeadOptions &options);

} // namespace penstock::net
