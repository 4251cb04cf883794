// SPDX-License-Identifier: LGPL-2.1-or-later
// Assertions of fuzz targets, active in every build type.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace fuzz {

/// Aborts unless `holds`, so that the fuzzer keeps the input.
inline void law(bool holds, const char *what) {
    if (holds) return;
    std::fprintf(stderr, "broken law: %s\n", what);
    std::abort();
}

} // namespace fuzz
