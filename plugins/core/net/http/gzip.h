// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/bytes/bytes.h"

namespace penstock::net {

/// The bytes in the gzip format (RFC 1952), made for speed; empty if memory is short. Thread-safe.
Bytes gzip(ByteView bytes);

} // namespace penstock::net
