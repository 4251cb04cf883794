// SPDX-License-Identifier: LGPL-2.1-or-later
// Typed parameters: what a value may be, and how it is written where a placeholder stands.
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

/// "int", "duration", …; the order of Type.
const std::vector<std::string> &type_names();
std::string type_name(Type type);
std::optional<Type> type_from_name(std::string_view name);
/// True for the types whose number means nothing without a unit.
bool needs_unit(Type type);
/// The units that `${name:unit}` may name for this type; empty if it takes none.
std::vector<std::string> unit_names(Type type);

/// One value of a choice, with the settings its author gave it.
struct Choice {
    std::string name;
    std::map<std::string, std::string> settings;
};

struct Parameter {
    std::string name;
    Mark mark;
    Type type = Type::string;
    std::optional<std::string> default_text;
    Mark default_mark;
    std::optional<double> min, max; ///< in the type's own unit
    std::string min_text, max_text; ///< as the author wrote them
    std::string help;
    bool secret = false;
    bool required = false;
    bool is_known = true; ///< false: its type can't be read, so nothing can be said of its uses
    std::vector<Choice> choices;
};

/// A value that has passed its parameter's type and range.
struct Value {
    Type type = Type::string;
    std::string text;   ///< as given; for a path or string, the whole value
    int64_t number = 0; ///< int, duration (ns), bitrate (bit/s), size (bytes), bool (0, 1)
    double real = 0;    ///< float
    const Choice *choice = nullptr; ///< lives as long as the description

    bool operator==(const Value &) const = default;
};

/// Whether they mean the same, however written: 2s and 2000ms.
bool same_value(const Value &a, const Value &b);

/// Checks `text` against the parameter. On failure nullopt, and `error` completes the sentence
/// "'x' …" with what is wrong and how to mend it.
std::optional<Value> parse_value(const Parameter &parameter, std::string_view text,
                                 std::string *error);
/// A number of the type, "2s" as 2e9: for `min` and `max`.
std::optional<double> parse_quantity(Type type, std::string_view text);
/// Nanoseconds of "500ms", "2s", "1.5min", "1h".
std::optional<int64_t> parse_duration(std::string_view text);

/// How the value is written for `${name}`, `${name:unit}`, `${name.setting}` (unit and setting
/// may be empty). On failure nullopt and the reason.
std::optional<std::string> write_value(const Value &value, std::string_view unit,
                                       std::string_view setting, std::string *error);

} // namespace penstock::description
