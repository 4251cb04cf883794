// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers' page: a list of live streams and a player, served by the HTTP listener.
#pragma once

#include "core/net/loop/address.h"

#include <memory>
#include <set>
#include <string>

namespace penstock::console {

struct PageOptions {
    /// Origins that may show the player ("/embed/live/NAME") in a frame; sources of the directive
    /// frame-ancestors. Empty: none.
    std::set<std::string> embed;
    /// Addresses where plain HTTP is sent on to the page's.
    std::set<net::Address> redirect_from;
    bool operator==(const PageOptions &) const = default;
};

/// Serves "/", "/publish", "/room/…" where a rule takes a room's participants, "/embed/…",
/// "/assets/…" and "/streams.json" until destroyed. A browser that opens a playlist's URL (.m3u8)
/// is redirected to the page.
class Page {
public:
    /// Opens the HTTP server at `http` or shares an open one, including one with TLS. On failure
    /// returns nullptr and sets `error` to the reason and a remedy.
    static std::unique_ptr<Page> serve(const net::Address &http, const PageOptions &options,
                                       std::string *error);
    virtual ~Page() = default;
};

} // namespace penstock::console
