// SPDX-License-Identifier: LGPL-2.1-or-later
// Serves the state on a Unix socket that only this user can access. The protocol is
// newline-delimited JSON: each request line, `{"get":"state"}`, is answered by one line: the state,
// or `{"error":"…"}`.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace penstock::api {

/// Runs on the main loop's thread. Accepts up to 16 clients and requests of up to 4 KiB; closes
/// clients that neither send nor read for 60 s.
class StateServer {
public:
    virtual ~StateServer() = default; ///< closes all connections and removes the socket
    /// `answer` returns the state as one line without newline. On failure returns nullptr and sets
    /// the reason.
    static std::unique_ptr<StateServer> open(std::function<std::string()> answer,
                                             std::string *error);
};

} // namespace penstock::api
