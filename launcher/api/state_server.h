// SPDX-License-Identifier: LGPL-2.1-or-later
// Answers on a Unix socket that only this user can reach. Newline-delimited JSON: each line that
// a client sends is a request, `{"get":"state"}`, and gets one line back: the state, or
// `{"error":"…"}`.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace penstock::api {

/// Lives on the main loop's thread and works there. At most 16 clients at a time, requests of at
/// most 4 KiB; one that sends nothing, or reads nothing, for 60 s is closed.
class StateServer {
public:
    virtual ~StateServer() = default; ///< closes every connection and removes the socket
    /// `answer` makes the state, one line without its end. nullptr and the reason on failure.
    static std::unique_ptr<StateServer> open(std::function<std::string()> answer,
                                             std::string *error);
};

} // namespace penstock::api
