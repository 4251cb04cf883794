// SPDX-License-Identifier: LGPL-2.1-or-later
// Splits launch text into tokens by the rules of gst_parse_launch(), to find placeholders exactly
// where they stand. Does not depend on GStreamer.
//
// The relevant rules of gst_parse (gst/parse/parse.l):
// - `name = value` is a property; spaces around `=` are allowed;
// - an unquoted value ends at the first space that is not preceded by a backslash; a value that
//   begins with a quote ends there or at its closing quote, whichever comes later;
// - double quotes around a whole value are removed, single quotes are not; then a backslash
//   makes the next character literal, except inside inner double quotes;
// - caps stand between two links and extend to the next `!` without a backslash.
// Text that gst_parse would read in a surprising way (a value that ends in a backslash, an unclosed
// quote) is rejected.
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
    size_t offset = 0; ///< within the text that contains it
    bool operator==(const Placeholder &) const = default;
};

/// Literal text or a placeholder.
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
    size_t offset = 0;       ///< position of the name
    size_t value_offset = 0; ///< position of the value, including quotes
    std::string raw;         ///< the value as written
    Pieces pieces;           ///< the value after gst_parse's unquoting
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
    Pieces pieces; ///< for caps
};

struct LaunchText {
    std::vector<Item> items;
    size_t elements = 0; ///< factories and URLs
    size_t links = 0;
};

/// Splits `text` into items. Adds all problems to `problems` and returns what could be parsed. A
/// fragment may begin or end with a link, to connect to its neighbours.
enum class Extent { whole, fragment };
LaunchText parse_launch_text(std::string_view text, TextProblems &problems,
                             Extent extent = Extent::whole);

/// Splits text other than launch text (an address, a `match`) into pieces. With `captures`,
/// `{name}` is recognized.
Pieces parse_pieces(std::string_view text, bool captures, TextProblems &problems);

/// Quotes `value` as one token of a string property, so that gst_parse and GStreamer's value parser
/// restore exactly its bytes.
std::string quote_string_value(std::string_view value);
/// Whether `value` needs no quoting in caps or in a non-string property.
bool is_plain_value(std::string_view value);
/// Quotes a value for a non-string property; untrusted values must pass is_plain_value() first.
std::string quote_other_value(std::string_view value);

} // namespace penstock::description
