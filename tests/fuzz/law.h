// SPDX-License-Identifier: LGPL-2.1-or-later
// What a fuzz target asserts, in every build type.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace fuzz {

/// Ends the program, so that the fuzzer keeps the input, unless `holds`.
inline void law(bool holds, const char *what) {
    if (holds) return;
    std::fprintf(stderr, "broken law: %s\n", what);
    std::abort();
}

} // namespace fuzz
