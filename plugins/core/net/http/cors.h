// SPDX-License-Identifier: LGPL-2.1-or-later
// Which web pages of other origins may read a route's answers (the Fetch standard, section 3.2).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::net {

struct HttpCors {
    enum class Allow {
        none,  ///< pages of this server alone
        any,   ///< pages of every origin, without credentials
        listed ///< pages of `origins`
    };
    Allow allow = Allow::any;
    std::vector<std::string> origins; ///< "https://console.example:8443", exactly as browsers say
    /// Request headers that pages may send beside those that need no permission.
    std::vector<std::string> request_headers{"Range"};
    /// Response headers that pages may read beside those that need no permission.
    std::vector<std::string> exposed_headers;
    /// Pages may send cookies and Authorization; of listed origins alone.
    bool credentials = false;
    unsigned max_age = 86'400; ///< seconds that browsers may remember the answer to a preflight
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// The headers of an answer to a page of `origin` (empty: no page asked).
HttpHeaders cors_headers(const HttpCors &cors, std::string_view origin);
/// Those that the answer to an OPTIONS request has in addition. `methods`: "GET, HEAD".
HttpHeaders preflight_headers(const HttpCors &cors, std::string_view origin,
                              const std::string &methods);

} // namespace penstock::net
