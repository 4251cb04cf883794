// SPDX-License-Identifier: LGPL-2.1-or-later
// The public list of streams.
#pragma once

#include "core/net/address.h"

#include <string>

namespace penstock::console {

/// streams.json: the HLS streams of the HTTP server at `http`, sorted by name, and the RTMP
/// addresses of this process. It tells no peer and no key.
std::string streams_json(const net::Address &http);

} // namespace penstock::console
