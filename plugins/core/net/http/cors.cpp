// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/cors.h"

#include <algorithm>

namespace penstock::net {
namespace {

std::string joined(const std::vector<std::string> &parts) {
    std::string text;
    for (const std::string &part : parts)
        text += (text.empty() ? "" : ", ") + part;
    return text;
}

bool allows(const HttpCors &cors, std::string_view origin) {
    return cors.allow == HttpCors::Allow::any ||
           (cors.allow == HttpCors::Allow::listed &&
            std::find(cors.origins.begin(), cors.origins.end(), origin) != cors.origins.end());
}

} // namespace

HttpHeaders cors_headers(const HttpCors &cors, std::string_view origin) {
    HttpHeaders headers;
    const bool listed = cors.allow == HttpCors::Allow::listed;
    // Sent even if this origin is not allowed, so that caches do not reuse the response for others.
    if (listed) headers.emplace_back("Vary", "Origin");
    if (!allows(cors, origin)) return headers;
    headers.emplace_back("Access-Control-Allow-Origin", listed ? std::string(origin) : "*");
    if (listed && cors.credentials)
        headers.emplace_back("Access-Control-Allow-Credentials", "true");
    if (!cors.exposed_headers.empty())
        headers.emplace_back("Access-Control-Expose-Headers", joined(cors.exposed_headers));
    return headers;
}

HttpHeaders preflight_headers(const HttpCors &cors, std::string_view origin,
                              const std::string &methods) {
    if (!allows(cors, origin)) return {};
    HttpHeaders headers{{"Access-Control-Allow-Methods", methods}};
    if (!cors.request_headers.empty())
        headers.emplace_back("Access-Control-Allow-Headers", joined(cors.request_headers));
    headers.emplace_back("Access-Control-Max-Age", std::to_string(cors.max_age));
    return headers;
}

} // namespace penstock::net
