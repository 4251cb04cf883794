// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewer that a request for a stream comes from.
#pragma once

#include "core/net/http/request_reader.h"
#include "core/net/stream/peer.h"

#include <string_view>

namespace penstock::net {

bool is_websocket(const HttpRequestReader::Message &request);

/// What the request says of its viewer. `mark` is the offset of the query's question mark in the
/// target; npos: none. Address, path and encryption are the connection's to fill in.
PeerInfo viewer_info(std::string_view target, size_t mark, std::string_view user_agent,
                     bool websocket);

} // namespace penstock::net
