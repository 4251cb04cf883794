// SPDX-License-Identifier: LGPL-2.1-or-later
// Launch text, cut into tokens the way gst_parse_launch() cuts it, so that a placeholder is found
// where it stands and nowhere else. Knows no GStreamer.
//
// gst_parse's rules (gst/parse/parse.l), as far as they matter here:
//  - `name = value` is a property; around the `=` there may be space;
//  - a value ends at the first space that has no backslash right before it, or, if it begins with
//    a quote, at the first such quote that has no backslash right before it, whichever is later;
//  - double quotes around a whole value are taken off, single quotes are not; then a backslash
//    makes the next character literal, except between inner double quotes;
//  - caps stand between two links and reach to the next `!` without a backslash.
// Text that gst_parse would read in a surprising way (a value that ends in a backslash, a quote
// that is not closed) is refused.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::description {

/// `${name}`, `${name:unit}`, `${name.setting}`; in a `match` also the capture `{name}`.
struct Placeholder {
    std::string name;
    std::string unit;
    std::string setting;
    bool is_capture = false;
    size_t offset = 0; ///< in the text it was found in
    bool operator==(const Placeholder &) const = default;
};

/// A stretch of literal text, or a placeholder.
struct Piece {
    std::string literal;
    std::optional<Placeholder> placeholder;
    bool operator==(const Piece &) const = default;
};
using Pieces = std::vector<Piece>;

struct TextProblem {
    size_t offset = 0;
    std::string what;
    std::string mend;
};
using TextProblems = std::vector<TextProblem>;

struct Property {
    std::string name;
    size_t offset = 0;       ///< of the name
    size_t value_offset = 0; ///< of the value, quotes included
    std::string raw;         ///< the value as written
    Pieces pieces;           ///< the value as gst_parse understands it
    bool has_placeholder = false;
};

struct Item {
    enum class Kind {
        element,   ///< a factory's name with its properties
        bin_begin, ///< `(` or `name.(`, with the bin's properties
        bin_end,
        reference, ///< `name.`, `name.pad`, `.pad`
        comma,     ///< between the pads of a reference
        url,
        link, ///< `!` or `:`
        caps, ///< the caps between two links
    };
    Kind kind = Kind::element;
    size_t offset = 0;
    std::string text; ///< as written
    std::vector<Property> properties;
    Pieces pieces; ///< of caps
};

struct LaunchText {
    std::vector<Item> items;
    size_t elements = 0; ///< factories and URLs
    size_t links = 0;
};

/// Cuts `text` into items. On problems, all of them are added and what could be read is returned.
/// A fragment may begin and end with a link: others stand around it.
enum class Extent { whole, fragment };
LaunchText parse_launch_text(std::string_view text, TextProblems &problems,
                             Extent extent = Extent::whole);

/// Cuts text that is no launch text (an address, a `match`) into pieces. `captures` says whether
/// `{name}` is one.
Pieces parse_pieces(std::string_view text, bool captures, TextProblems &problems);

/// `value` as one token of a string property: read back by gst_parse and GStreamer's value
/// parser it is `value` again, whatever its bytes are.
std::string quote_string_value(std::string_view value);
/// True if `value` can stand unquoted in caps or in a property that is no string.
bool is_plain_value(std::string_view value);
/// A value of a property that is no string; `value` has to be plain where it came from outside.
std::string quote_other_value(std::string_view value);

} // namespace penstock::description
