// SPDX-License-Identifier: LGPL-2.1-or-later
// The authorization policy and the notifications of a description.
#pragma once

#include "authorize/callback.h"
#include "authorize/jwt.h"
#include "authorize/networks.h"
#include "authorize/url.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::authorize {

/// A server that decides about peers or is notified of them.
struct Server {
    Url url;
    Style style = Style::nginx;
    std::string secret; ///< empty: what is sent is not signed
    uint64_t timeout_ms = 3'000;
};

struct Policy {
    enum class Only { all, publish, play };
    Only only = Only::all;            ///< whom it concerns; the others are allowed
    std::vector<Network> allow, deny; ///< `allow` empty: every address
    std::string keys;                 ///< a file of stream keys, for publishers; empty: none
    std::string sign;                 ///< the secret of signed URLs; empty: none
    std::string jwks;                 ///< a file or a URL; empty: no tokens
    JwtRules jwt;
    std::optional<Server> server;
    uint64_t cache_ms = 0; ///< how long an answer of the server holds
};

} // namespace penstock::authorize
