// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks a description against GStreamer's registry. Needs gst_init().
#pragma once

#include "description/description.h"

#include <optional>
#include <string>

namespace penstock::description {

/// The kinds of property values that placeholders distinguish.
enum class PropertyKind {
    text,   ///< a string
    number, ///< any integer or floating point type
    boolean,
    plain, ///< enumerations, flags, caps, structures, fractions, …
    /// Parsed as launch text by gst_parse.
    element,
};

struct PropertyInfo {
    PropertyKind kind = PropertyKind::plain;
    std::optional<double> min, max; ///< for numbers
    bool whole = false;             ///< an integer type
};

/// nullopt if the element or its property does not exist.
std::optional<PropertyInfo> find_property(const std::string &element, const std::string &property);

/// Whether the element exists; and advice on how to install a missing one.
bool has_element(const std::string &element);
std::string mend_missing(const std::string &element);

/// The value of package_of() for Penstock's own elements.
inline constexpr const char *own_package = "penstock";
/// The Debian package that contains a stock element; empty if unknown.
std::string package_of(const std::string &element);

/// Checks that, for every combination of conditions, all elements and properties exist, all values
/// fit their properties, and all links are possible; values from the network may only go into
/// strings.
void check_elements(const Description &description, Problems &problems);
/// Checks everything that can be checked without running the pipelines, even if parts of the file
/// are invalid: the checks of the loader and of check_elements(), elements that are not linked,
/// rules that no publisher can use, and GStreamer's errors when it builds the pipelines. Problems
/// are in file order without duplicates. Returns the description if there are none.
std::unique_ptr<Description> check_source(Source source, Problems &problems);

} // namespace penstock::description
