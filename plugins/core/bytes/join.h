// SPDX-License-Identifier: LGPL-2.1-or-later
// Several pieces of bytes as one.
#pragma once

#include "core/bytes/bytes.h"

namespace penstock {

/// The pieces one behind the other: a copy, unless there is only one.
inline Bytes join(std::span<const Bytes> pieces) {
    if (pieces.size() == 1) return pieces.front();
    size_t size = 0;
    for (const Bytes &piece : pieces)
        size += piece.size();
    std::vector<uint8_t> whole;
    whole.reserve(size);
    for (const Bytes &piece : pieces)
        whole.insert(whole.end(), piece.begin(), piece.end());
    return Bytes::adopt(std::move(whole));
}

} // namespace penstock
