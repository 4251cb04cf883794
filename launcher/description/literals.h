// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks literal property values. Needs gst_init().
#pragma once

#include <glib-object.h>

#include <optional>
#include <string>

namespace penstock::description {

struct Refusal {
    std::string what; ///< "'fast' is none of the values of 'speed-preset'"
    std::string mend;
};

/// Returns nullopt if gst_parse would set the property to `text` (given without quotes) exactly;
/// otherwise the reason: gst_parse would reject it or silently clamp it into the property's range.
std::optional<Refusal> check_literal(GParamSpec *spec, const std::string &text);

} // namespace penstock::description
