// SPDX-License-Identifier: LGPL-2.1-or-later
// A playlist for one viewer: the same, with the session's token in the URI of everything it names.
#pragma once

#include "core/bytes/bytes.h"

#include <string_view>

namespace penstock::playlist {

/// Adds the query parameter `session=TOKEN` to every URI of a playlist, RFC 8216: the lines that
/// are one, and the quoted values of URI attributes. `token` is of letters and digits.
Bytes with_session(ByteView playlist, std::string_view token);

} // namespace penstock::playlist
