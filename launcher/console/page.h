// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers' page: a list of live streams and a player, on the public HTTP port.
#pragma once

#include "core/net/loop/address.h"

#include <memory>
#include <string>

namespace penstock::console {

/// Serves "/", "/assets/…" and "/streams.json" while it is alive; a browser that opens the address
/// of a playlist (.m3u8) itself is sent to the page.
class Page {
public:
    /// Opens the HTTP server at `http` if nobody has; one of HTTPS serves the page, too. On failure
    /// nullptr, and `error` says what is wrong and how to mend it.
    static std::unique_ptr<Page> serve(const net::Address &http, std::string *error);
    virtual ~Page() = default;
};

} // namespace penstock::console
