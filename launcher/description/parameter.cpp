// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/parameter.h"

#include "core/net/loop/address.h"
#include "protocols/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace penstock::description {
namespace {

struct Unit {
    const char *name;
    int64_t factor;
};

/// In the order shown in help texts; the first is the base unit.
const std::vector<Unit> &units(Type type) {
    static const std::vector<Unit> duration = {{"ns", 1},
                                               {"us", 1000},
                                               {"ms", 1000 * 1000},
                                               {"s", 1000LL * 1000 * 1000},
                                               {"min", 60LL * 1000 * 1000 * 1000},
                                               {"h", 3600LL * 1000 * 1000 * 1000}};
    static const std::vector<Unit> bitrate = {{"bit", 1}, {"kbit", 1000}, {"Mbit", 1000 * 1000}};
    static const std::vector<Unit> size = {{"B", 1},           {"kB", 1000},     {"MB", 1000000},
                                           {"GB", 1000000000}, {"KiB", 1 << 10}, {"MiB", 1 << 20},
                                           {"GiB", 1 << 30}};
    static const std::vector<Unit> none;
    switch (type) {
    case Type::duration:
        return duration;
    case Type::bitrate:
        return bitrate;
    case Type::size:
        return size;
    default:
        return none;
    }
}

const Unit *find_unit(Type type, std::string_view name) {
    // The suffix "/s" is accepted, as in "2500kbit/s".
    if (type == Type::bitrate && name.ends_with("/s")) name.remove_suffix(2);
    for (const Unit &unit : units(type))
        if (name == unit.name) return &unit;
    return nullptr;
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
    T number{};
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
    return number;
}

std::optional<double> parse_finite(std::string_view text) {
    const auto number = parse_number<double>(text);
    return number && std::isfinite(*number) ? number : std::nullopt;
}

std::string example(Type type) {
    switch (type) {
    case Type::integer:
        return "write a whole number, such as 30";
    case Type::floating:
        return "write a number, such as 0.5";
    case Type::boolean:
        return "write true or false";
    case Type::duration:
        return "write a number and its unit, such as 500ms, 2s or 5min";
    case Type::bitrate:
        return "write a number and its unit, such as 800kbit or 2.5Mbit";
    case Type::size:
        return "write a number and its unit, such as 512KiB or 10MB";
    case Type::address:
        return "write host:port or :port, such as :1935 or 127.0.0.1:1935";
    case Type::url:
        return "write scheme://host/path, such as " + protocols::sample_url();
    default:
        return "";
    }
}

/// Parses a number with a unit to the type's base unit.
std::optional<double> parse_with_unit(Type type, std::string_view text) {
    const size_t split = text.find_first_not_of("0123456789.");
    if (split == text.npos || split == 0) return std::nullopt;
    const auto number = parse_finite(text.substr(0, split));
    std::string_view name = text.substr(split);
    if (name.starts_with(' ')) name.remove_prefix(1);
    const Unit *unit = find_unit(type, name);
    if (!number || !unit) return std::nullopt;
    const double result = *number * static_cast<double>(unit->factor);
    return result < 9e18 ? std::optional(result) : std::nullopt;
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// Checks for well-formed UTF-8, which GStreamer's strings require.
bool is_utf8(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        const size_t more = c < 0x80                ? 0
                            : c >= 0xc2 && c < 0xe0 ? 1
                            : c >= 0xe0 && c < 0xf0 ? 2
                            : c >= 0xf0 && c < 0xf5 ? 3
                                                    : 4;
        if (more == 4 || i + more >= text.size()) return false;
        uint32_t point = more == 0 ? c : c & (0x3f >> more);
        for (size_t k = 1; k <= more; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0) != 0x80) return false;
            point = point << 6 | (next & 0x3f);
        }
        if ((more == 2 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) ||
            (more == 3 && (point < 0x10000 || point > 0x10ffff)))
            return false;
        i += more + 1;
    }
    return true;
}

/// Checks for scheme://something in characters that are allowed in URLs.
bool is_url(std::string_view text) {
    const size_t end = text.find("://");
    if (end == 0 || end == text.npos || text.size() == end + 3) return false;
    const std::string_view scheme = text.substr(0, end);
    return std::all_of(scheme.begin(), scheme.end(),
                       [](unsigned char c) {
                           return std::isalnum(c) || c == '+' || c == '-' || c == '.';
                       }) &&
           std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' '; });
}

bool has_scheme(std::string_view url, const std::vector<std::string> &schemes) {
    std::string scheme(url.substr(0, url.find("://")));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return schemes.empty() || std::find(schemes.begin(), schemes.end(), scheme) != schemes.end();
}

/// "rtmp://", "rtmps://"
std::vector<std::string> beginnings(const Parameter &url) {
    std::vector<std::string> words;
    for (const std::string &scheme : url.schemes)
        words.push_back(scheme + "://");
    return words;
}

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "' ";
}

std::string format_real(double number) {
    char buffer[64];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
    return error == std::errc{} ? std::string(buffer, end) : std::string("0");
}

} // namespace

const std::vector<std::string> &type_names() {
    static const std::vector<std::string> names = {"string",   "int",     "float", "bool",
                                                   "duration", "bitrate", "size",  "address",
                                                   "path",     "url",     "choice"};
    return names;
}

std::string type_name(Type type) {
    return type_names()[static_cast<size_t>(type)];
}

std::optional<Type> type_from_name(std::string_view name) {
    const auto &names = type_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<Type>(found - names.begin());
}

bool needs_unit(Type type) {
    return !units(type).empty();
}

std::vector<std::string> unit_names(Type type) {
    std::vector<std::string> names;
    for (const Unit &unit : units(type))
        names.emplace_back(unit.name);
    return names;
}

std::optional<double> parse_quantity(Type type, std::string_view text) {
    switch (type) {
    case Type::integer: {
        const auto number = parse_number<int64_t>(text);
        return number ? std::optional(static_cast<double>(*number)) : std::nullopt;
    }
    case Type::floating:
        return parse_finite(text);
    case Type::duration:
    case Type::bitrate:
    case Type::size:
        return parse_with_unit(type, text);
    default:
        return std::nullopt;
    }
}

std::optional<int64_t> parse_duration(std::string_view text) {
    const auto number = parse_with_unit(Type::duration, text);
    return number ? std::optional(std::llround(*number)) : std::nullopt;
}

std::optional<Value> parse_value(const Parameter &parameter, std::string_view text,
                                 std::string *error) {
    const auto fail = [&](const std::string &what) {
        if (error) *error = what;
        return std::nullopt;
    };
    Value value{.type = parameter.type, .text = std::string(text)};
    // A rejected secret is not shown either.
    const std::string shown = parameter.secret ? "the value " : quoted(text);
    if (text.size() > 4096) return fail("the value is longer than 4096 bytes: shorten it");
    if (has_control(text) || !is_utf8(text))
        return fail("the value has control characters or is not UTF-8: write plain text");
    const std::string mend = ": " + example(parameter.type);
    switch (parameter.type) {
    case Type::string:
        // The bounds of a string limit its length in bytes.
        value.number = static_cast<int64_t>(text.size());
        break;
    case Type::path:
        if (text.empty()) return fail("an empty path: write a file's name");
        break;
    case Type::integer: {
        const auto number = parse_number<int64_t>(text);
        if (!number) return fail(shown + "is no int" + mend);
        value.number = *number;
        break;
    }
    case Type::floating: {
        const auto number = parse_finite(text);
        if (!number) return fail(shown + "is no float" + mend);
        value.real = *number;
        break;
    }
    case Type::boolean:
        if (text != "true" && text != "false") return fail(shown + "is no bool" + mend);
        value.number = text == "true";
        break;
    case Type::duration:
    case Type::bitrate:
    case Type::size: {
        const auto number = parse_with_unit(parameter.type, text);
        if (!number) return fail(shown + "is no " + type_name(parameter.type) + mend);
        value.number = std::llround(*number);
        break;
    }
    case Type::address:
        if (parameter.is_optional && text == off_word) break;
        if (!net::parse_address(text))
            return fail(shown + "is no address" + mend + " (ports go from 0 to 65535)");
        break;
    case Type::url:
        if (text == "none" && parameter.default_text == "none") break; // no URL is needed
        if (!is_url(text)) return fail(shown + "is no url" + mend);
        if (!has_scheme(text, parameter.schemes))
            return fail(shown + "does not begin with " + enumerate(beginnings(parameter), "or"));
        break;
    case Type::choice: {
        std::vector<std::string> names;
        for (const Choice &choice : parameter.choices) {
            names.push_back(choice.name);
            if (choice.name == text) value.choice = &choice;
        }
        if (!value.choice)
            return fail(shown + "is none of the choices: " +
                        did_you_mean(text, names, "take one of " + enumerate(names)));
        break;
    }
    }
    const double amount =
        parameter.type == Type::floating ? value.real : static_cast<double>(value.number);
    const bool length = parameter.type == Type::string;
    const std::string unit = length ? " bytes" : "";
    if (parameter.min && amount < *parameter.min)
        return fail(shown + (length ? "is too short" : "is too small") + ": at least " +
                    parameter.min_text + unit);
    if (parameter.max && amount > *parameter.max)
        return fail(shown + (length ? "is too long" : "is too large") + ": at most " +
                    parameter.max_text + unit);
    return value;
}

std::optional<std::string> write_value(const Value &value, std::string_view unit,
                                       std::string_view setting, std::string *error) {
    const auto fail = [&](const std::string &what) {
        if (error) *error = what;
        return std::nullopt;
    };
    if (!setting.empty()) {
        if (!value.choice) return fail("only a choice has settings");
        const auto found = value.choice->settings.find(std::string(setting));
        if (found == value.choice->settings.end())
            return fail("'" + value.choice->name + "' has no setting '" + std::string(setting) +
                        "'");
        return found->second;
    }
    switch (value.type) {
    case Type::integer:
        return std::to_string(value.number);
    case Type::floating:
        return format_real(value.real);
    case Type::boolean:
        return value.number ? "true" : "false";
    case Type::duration:
    case Type::bitrate:
    case Type::size: {
        const Unit *named = find_unit(value.type, unit);
        if (!named) return fail("a " + type_name(value.type) + " needs a unit here");
        if (value.number % named->factor == 0) return std::to_string(value.number / named->factor);
        return format_real(static_cast<double>(value.number) / static_cast<double>(named->factor));
    }
    default:
        return value.text;
    }
}

std::string say_conditions(const std::vector<Condition> &when) {
    std::string out;
    for (const Condition &each : when)
        out += (out.empty() ? "" : " and ") + each.parameter + (each.is_equal ? "=" : "!=") +
               each.word;
    return out;
}

bool same_value(const Value &a, const Value &b) {
    switch (a.type) {
    case Type::integer:
    case Type::boolean:
    case Type::duration:
    case Type::bitrate:
    case Type::size:
        return a.number == b.number;
    case Type::floating:
        return a.real == b.real;
    default:
        return a.text == b.text;
    }
}

} // namespace penstock::description
