// SPDX-License-Identifier: LGPL-2.1-or-later
// What GStreamer's registry knows about the elements of a description. gst_init() comes first.
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
    plain,   ///< enumerations, flags, caps, structures, fractions, …
    element, ///< would be parsed as launch text itself
};

struct PropertyInfo {
    PropertyKind kind = PropertyKind::plain;
    std::optional<double> min, max; ///< of a number
    bool whole = false;             ///< a number without fractions
};

/// nullopt if there is no such element or it has no such property.
std::optional<PropertyInfo> find_property(const std::string &element, const std::string &property);

/// Whether there is such an element, and how to get it if there is none.
bool has_element(const std::string &element);
std::string mend_missing(const std::string &element);

/// What package_of() says of Penstock's own elements.
inline constexpr const char *own_package = "penstock";
/// The Debian package that has a stock element; empty if unknown.
std::string package_of(const std::string &element);

/// Every element and property exists, takes its value whatever is chosen, and can be linked as it
/// is, for every condition; values from the network go into strings only.
void check_elements(const Description &description, Problems &problems);
/// All that can be told without running it, of a file of which parts may be unreadable: what the
/// loader and check_elements() find, elements that hang in the air, rules that no publisher can
/// use, and at last what GStreamer says when it builds the pipelines. In the order of the file,
/// each once. The description is there if it is good.
std::unique_ptr<Description> check_source(Source source, Problems &problems);

} // namespace penstock::description
