// SPDX-License-Identifier: LGPL-2.1-or-later
// Small helpers for the texts of SDP: words, numbers, comparisons without case. Thread-safe.
#pragma once

#include "core/bytes/printable.h"
#include "core/bytes/result.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sdp {

inline char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

inline bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

inline std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
    return out;
}

inline std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
    return text.substr(0, text.find_last_not_of(space) + 1);
}

/// Takes what is before the next separator, without spaces around it; all if there is none.
inline std::string_view take_until(std::string_view &text, char separator) {
    const size_t end = text.find(separator);
    const std::string_view part = text.substr(0, end);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    return trimmed(part);
}

/// Takes the next word; spaces and tabs separate them. Empty: there is none.
inline std::string_view take_word(std::string_view &text) {
    text = trimmed(text);
    const size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view word = text.substr(0, end);
    text = trimmed(text.substr(end));
    return word;
}

/// Decimal digits alone, at most `most`, of an unsigned type.
template <class T>
std::optional<T> number(std::string_view text, T most) {
    T value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most)
        return std::nullopt;
    return value;
}

/// A token of RFC 8866, section 9, of 1 to 255 characters.
inline bool is_token(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < '\x7F' &&
               std::string_view("\"(),/:;<=>?@[\\]").find(c) == std::string_view::npos;
    });
}

/// An error that names its line, counted from 1, and shows the beginning of it.
inline Result line_error(size_t line, std::string_view text, std::string_view what) {
    return Result::error("line " + std::to_string(line) + ", '" + printable(text, 60) +
                         "': " + std::string(what));
}

} // namespace penstock::sdp
