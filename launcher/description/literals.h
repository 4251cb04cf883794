// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether a property takes a value that is written out. gst_init() comes first.
#pragma once

#include <glib-object.h>

#include <optional>
#include <string>

namespace penstock::description {

struct Refusal {
    std::string what; ///< "'fast' is none of the values of 'speed-preset'"
    std::string mend;
};

/// nullopt if gst_parse would set `text` (without its quotes) as it is meant: neither refuse it nor
/// move it into the property's range without a word.
std::optional<Refusal> check_literal(GParamSpec *spec, const std::string &text);

} // namespace penstock::description
