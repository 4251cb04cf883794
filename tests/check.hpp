// SPDX-License-Identifier: LGPL-2.1-or-later
// Includes gst-check, which defines macros such as fail(): C++ headers that a test needs must be
// included before this one.
#pragma once

#include "precompiled/standard.hpp"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

// The stock macro keeps pointers beyond the full expression and so outlives a string that a
// function returned by value.
#undef fail_unless_equals_string
#define fail_unless_equals_string(a, b)                                                            \
    do {                                                                                           \
        const std::optional<std::string> first_ = penstock_test_text(a);                           \
        const std::optional<std::string> second_ = penstock_test_text(b);                          \
        fail_unless(first_ == second_, "'" #a "' (%s) is not equal to '" #b "' (%s)",              \
                    first_ ? first_->c_str() : "NULL", second_ ? second_->c_str() : "NULL");       \
    } while (0)
inline std::optional<std::string> penstock_test_text(const char *text) {
    return text ? std::optional<std::string>(text) : std::nullopt;
}
inline std::optional<std::string> penstock_test_text(const std::string &text) {
    return text;
}

/// Rounds of a loop over random inputs: a tenth of them under sanitizers, where each costs tenfold.
constexpr int rounds(int plain) {
#ifdef PENSTOCK_SANITIZED
    return plain / 10;
#else
    return plain;
#endif
}
