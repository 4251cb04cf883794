// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/signed_url.h"

#include "authorize/digest.h"

#include <charconv>

namespace penstock::authorize {

std::string sign(std::string_view secret, bool publish, std::string_view stream, int64_t expires) {
    std::string text = publish ? "publish " : "play ";
    text += stream;
    text += ' ' + std::to_string(expires);
    return hex(hmac_sha256(secret, text));
}

Permission check_signed_url(const Request &request, std::string_view secret, int64_t now) {
    const std::string_view given = parameter(request.query, "sign");
    const std::string_view until = parameter(request.query, "expires");
    if (given.empty() || until.empty()) return {.reason = "the URL is not signed"};
    int64_t expires = 0;
    const char *end = until.data() + until.size();
    const auto [stop, error] = std::from_chars(until.data(), end, expires);
    constexpr int64_t latest = 100'000'000'000; // far beyond what anybody means
    if (error != std::errc() || stop != end || expires <= 0 || expires > latest)
        return {.reason = "the URL's `expires` is no time"};
    if (!is_same(given, sign(secret, request.publish, request.stream(), expires)))
        return {.reason = "the URL's signature is wrong"};
    if (expires <= now) return {.reason = "the signed URL has expired"};
    return {.allowed = true, .expires = expires};
}

} // namespace penstock::authorize
