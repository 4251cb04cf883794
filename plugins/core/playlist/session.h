// SPDX-License-Identifier: LGPL-2.1-or-later
// A playlist for a single viewer, with its session token in all URIs.
#pragma once

#include "core/bytes/bytes.h"

#include <string_view>

namespace penstock::playlist {

/// Adds the query parameter `session=TOKEN` to every URI of a playlist (RFC 8216): URI lines and
/// quoted URI attributes. `token` consists of letters and digits.
Bytes with_session(ByteView playlist, std::string_view token);

} // namespace penstock::playlist
