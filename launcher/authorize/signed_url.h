// SPDX-License-Identifier: LGPL-2.1-or-later
// URLs that contain their own permission: ?expires=UNIXTIME&sign=HEX, where HEX is the HMAC-SHA256
// of "play live/cam 1767225600" or "publish live/cam 1767225600". The server shares the secret with
// the program that makes the URLs.
#pragma once

#include "authorize/request.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::authorize {

/// The permission that a token or a signature gives.
struct Permission {
    bool allowed = false;
    int64_t expires = 0; ///< seconds since 1970
    std::string reason;  ///< why it is not allowed, without anything secret
};

std::string sign(std::string_view secret, bool publish, std::string_view stream, int64_t expires);

/// `now`: seconds since 1970.
Permission check_signed_url(const Request &request, std::string_view secret, int64_t now);

} // namespace penstock::authorize
