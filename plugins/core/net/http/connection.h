// SPDX-License-Identifier: LGPL-2.1-or-later
// An HTTP/1.1 connection on its loop.
#pragma once

#include "core/net/http/routes.h"
#include "core/net/loop/tcp_listener.h"

#include <memory>

namespace penstock::net {

struct HttpConnection {
    /// Serves requests on the socket until either side closes it.
    static void start(tcp::socket &&socket, size_t loop, std::shared_ptr<HttpRoutes> routes,
                      std::shared_ptr<Loops> loops);
};

} // namespace penstock::net
