// SPDX-License-Identifier: LGPL-2.1-or-later
// Which web pages of other origins may read a route's responses (Fetch standard, section 3.2).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::net {

struct HttpCors {
    enum class Allow {
        none,  ///< only pages of this server
        any,   ///< pages of any origin, without credentials
        listed ///< pages of `origins`
    };
    Allow allow = Allow::any;
    /// "https://console.example:8443", exactly as browsers send it.
    std::vector<std::string> origins;
    /// Request headers that pages may send in addition to the safelisted ones.
    std::vector<std::string> request_headers{"Range"};
    /// Response headers that pages may read in addition to the safelisted ones.
    std::vector<std::string> exposed_headers;
    /// Pages may send cookies and Authorization; listed origins only.
    bool credentials = false;
    unsigned max_age = 86'400; ///< seconds for which browsers may cache a preflight response
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// The CORS headers of a response to a page of `origin` (empty: no CORS request).
HttpHeaders cors_headers(const HttpCors &cors, std::string_view origin);
/// Additional headers of the response to an OPTIONS request. `methods`: "GET, HEAD".
HttpHeaders preflight_headers(const HttpCors &cors, std::string_view origin,
                              const std::string &methods);

} // namespace penstock::net
