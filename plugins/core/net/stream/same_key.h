// SPDX-License-Identifier: LGPL-2.1-or-later
// Compares secrets.
#pragma once

#include <cstddef>
#include <string_view>

namespace penstock::net {

/// Takes as long for a wrong key as for the right one.
inline bool same_key(std::string_view given, std::string_view wanted) {
    unsigned difference = given.size() != wanted.size();
    for (size_t i = 0; i < wanted.size(); ++i)
        difference |= static_cast<unsigned char>(wanted[i]) ^
                      static_cast<unsigned char>(i < given.size() ? given[i] : 0);
    return difference == 0;
}

} // namespace penstock::net
