// SPDX-License-Identifier: LGPL-2.1-or-later
// A request as handlers and access hooks see it.
#pragma once

#include "core/bytes/bytes.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::net {

class Admission;

struct HttpRequest {
    std::string method; ///< "GET", "POST", …: one that the route takes
    std::string path;   ///< percent-decoded, with its leading slash, without the query
    std::string query;  ///< as sent; may hold secrets: never log it
    std::string peer;   ///< "127.0.0.1:53412"
    /// A header's value by case-insensitive name; empty if absent. To be called before the request
    /// is answered, on the thread of the hook or handler it was given to.
    std::function<std::string(std::string_view)> header;
    /// The listener's watchers have allowed it already, because it had to wait for its stream to
    /// begin; nullptr otherwise.
    std::shared_ptr<Admission> admission;
    Bytes body; ///< all of it, at most the route's max_body bytes; empty in an access hook
};

} // namespace penstock::net
