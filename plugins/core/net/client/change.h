// SPDX-License-Identifier: LGPL-2.1-or-later
// What clients that connect again and again, of all protocols, tell about their connection.
#pragma once

#include <cstdint>
#include <string>

namespace penstock::net {

/// A change of the connection.
struct ClientChange {
    enum State {
        connecting, ///< an attempt begins
        live,       ///< the server has accepted
        waiting,    ///< the connection has ended, or the attempt has failed: see `reason`
    };
    State state = connecting;
    std::string reason;    ///< without the stream's name; waiting only
    bool refused = false;  ///< the server does not accept the key or name; waiting only
    uint64_t retry_ms = 0; ///< until the next attempt; waiting only
    unsigned attempt = 0;  ///< attempts since the last connection that lasted
};

} // namespace penstock::net
