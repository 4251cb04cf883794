// SPDX-License-Identifier: LGPL-2.1-or-later
// A request as passed to handlers and access hooks.
#pragma once

#include "core/bytes/bytes.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::net {

class Admission;

struct HttpRequest {
    std::string method;        ///< one of the route's methods
    std::string path;          ///< percent-decoded, with leading slash, without the query
    std::string query;         ///< as sent; may contain secrets: never log it
    std::string peer;          ///< "127.0.0.1:53412"
    bool is_encrypted = false; ///< TLS
    size_t loop = 0;           ///< that of its connection
    /// The value of a header, by case-insensitive name; empty if absent. Call it before the request
    /// is answered, on the thread that called the hook or handler.
    std::function<std::string(std::string_view)> header;
    /// For an answer that takes its time: has the function called, on the connection's loop, if the
    /// client leaves before it. Any thread; the last call counts.
    std::function<void(std::function<void()> gone)> on_leave;
    /// Set if the listener's watchers have already admitted the viewer, because it had to wait for
    /// its stream to begin; otherwise nullptr.
    std::shared_ptr<Admission> admission;
    Bytes body; ///< the complete body, up to the route's max_body; empty in an access hook
};

} // namespace penstock::net
