// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/route.h"

#include <algorithm>

namespace penstock::net {

bool HttpRoute::takes(std::string_view method) const {
    const auto has = [this](std::string_view name) {
        return std::find(options.methods.begin(), options.methods.end(), name) !=
               options.methods.end();
    };
    return has(method) || (method == "HEAD" && has("GET"));
}

std::string HttpRoute::allowed() const {
    std::string text;
    for (const char *method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
        if (takes(method)) text += std::string(method) + ", ";
    return text + "OPTIONS";
}

HttpResponse HttpRoute::wrong_method() const {
    HttpResponse response = http_error(405, "This method is not served here.");
    response.headers = {{"Allow", allowed()}};
    return response;
}

HttpResponse HttpRoute::options_response(const std::string *origin) const {
    HttpResponse response;
    response.status = 204;
    response.headers = {{"Allow", allowed()}};
    response.headers.insert(response.headers.end(), options.options_headers.begin(),
                            options.options_headers.end());
    if (origin)
        for (auto &each : preflight_headers(options.cors, *origin, allowed()))
            response.headers.push_back(std::move(each));
    return response;
}

} // namespace penstock::net
