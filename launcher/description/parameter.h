// SPDX-License-Identifier: LGPL-2.1-or-later
// Typed parameters: validation of values, and their text for placeholders.
#pragma once

#include "description/source.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::description {

enum class Type {
    string,
    integer,
    floating,
    boolean,
    duration, ///< nanoseconds
    bitrate,  ///< bit/s
    size,     ///< bytes
    address,  ///< host:port
    path,
    url,
    choice,
};

/// The names of all types in the order of Type: "int", "duration", …
const std::vector<std::string> &type_names();
std::string type_name(Type type);
std::optional<Type> type_from_name(std::string_view name);
/// Whether numbers of this type need a unit.
bool needs_unit(Type type);
/// The units that `${name:unit}` may use for this type; empty if the type has none.
std::vector<std::string> unit_names(Type type);

/// One value of a choice with its settings.
struct Choice {
    std::string name;
    std::map<std::string, std::string> settings;
};

/// `${name} == word` or `${name} != word`.
struct Condition {
    std::string parameter;
    std::string word; ///< of the parameter's type
    bool is_equal = true;
};

/// "source=file and loop!=true"
std::string say_conditions(const std::vector<Condition> &when);

/// The value of an optional address where nothing is to be served.
inline constexpr const char *off_word = "off";

struct Parameter {
    std::string name;
    Mark mark;
    Type type = Type::string;
    std::optional<std::string> default_text;
    Mark default_mark;
    std::optional<double> min, max; ///< in the base unit of the type
    std::string min_text, max_text; ///< as written in the description
    std::string help;
    bool secret = false;
    bool required = false;
    /// `required` is a condition: the default, if there is one, serves where it is false.
    bool is_required_sometimes = false;
    std::vector<Condition> required_when;
    bool is_known = true; ///< false: its type is invalid, so its uses can't be checked
    std::vector<Choice> choices;
    std::vector<std::string> schemes; ///< of a url, in lower case; empty: any
    bool is_optional = false;         ///< an address that may be `off`
};

/// A value that was checked against its parameter's type and range.
struct Value {
    Type type = Type::string;
    std::string text;   ///< the value as given
    int64_t number = 0; ///< int, duration (ns), bitrate (bit/s), size (bytes), bool (0, 1)
    double real = 0;    ///< float
    const Choice *choice = nullptr; ///< owned by the description

    bool operator==(const Value &) const = default;
};

/// Whether two values are equal even if written differently: 2s and 2000ms.
bool same_value(const Value &a, const Value &b);

/// Validates `text` for the parameter. On failure returns nullopt and sets `error` to the rest of a
/// sentence that begins with the parameter's name: what is wrong and how to fix it.
std::optional<Value> parse_value(const Parameter &parameter, std::string_view text,
                                 std::string *error);
/// Parses a number of the type in its base unit ("2s" is 2e9); used for `min` and `max`.
std::optional<double> parse_quantity(Type type, std::string_view text);
/// Parses "500ms", "2s", "1.5min" or "1h" to nanoseconds.
std::optional<int64_t> parse_duration(std::string_view text);

/// The text of the value for `${name}`, `${name:unit}` or `${name.setting}` (`unit` and `setting`
/// may be empty). Returns nullopt and sets the reason on failure.
std::optional<std::string> write_value(const Value &value, std::string_view unit,
                                       std::string_view setting, std::string *error);

} // namespace penstock::description
