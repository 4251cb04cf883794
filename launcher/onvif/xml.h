// SPDX-License-Identifier: LGPL-2.1-or-later
// XML of devices on the network, as a tree without namespaces: they use any prefixes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::onvif {

inline constexpr size_t max_xml = 1 << 20;     ///< bytes
inline constexpr size_t max_elements = 20'000; ///< of a document
inline constexpr size_t max_depth = 32;        ///< elements within one another

/// An element; names are without prefixes, texts without spaces around them.
struct Element {
    std::string name, text;
    std::vector<std::pair<std::string, std::string>> attributes;
    std::vector<Element> children;

    /// The first child with this name, or of a path of children, "A/B/C"; nullptr: there is none.
    const Element *find(std::string_view path) const;
    /// The text of that; empty if there is none.
    std::string text_of(std::string_view path) const;
    /// The children with this name.
    std::vector<const Element *> all(std::string_view name) const;
    /// The first element with this name at any depth, this one included.
    const Element *search(std::string_view name) const;
    std::string attribute(std::string_view name) const;
};

/// The root; nullopt: it is malformed, or beyond a limit above. Entities of a document's own are
/// not resolved. Thread-safe.
std::optional<Element> parse_xml(std::string_view text);

/// With the characters escaped that mean something in XML.
std::string escaped(std::string_view text);

} // namespace penstock::onvif
