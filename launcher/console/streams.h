// SPDX-License-Identifier: LGPL-2.1-or-later
// The public list of streams.
#pragma once

#include "core/net/loop/address.h"

#include <string>
#include <string_view>

namespace penstock::console {

/// The name of the stream whose playlist has this path (without the leading slash): "live/cam" for
/// "live/cam/index.m3u8" and for "live/cam.m3u8".
std::string stream_name(std::string_view path);

/// streams.json: the HLS streams of the HTTP server at `http`, sorted by name, and the RTMP
/// addresses of this process. It tells no peer and no key.
std::string streams_json(const net::Address &http);

} // namespace penstock::console
