// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/http/range.h"

#include <algorithm>
#include <optional>

namespace penstock::http {
namespace {

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Parses decimal digits; larger values become the largest 64-bit number. nullopt: not a number.
std::optional<uint64_t> parse_number(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
    uint64_t value = 0;
    for (const char c : text)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value))
            return UINT64_MAX;
    return value;
}

std::string_view without_weakness(std::string_view etag) {
    return etag.starts_with("W/") ? etag.substr(2) : etag;
}

} // namespace

ByteRange parse_range(std::string_view header, uint64_t size) {
    constexpr std::string_view unit = "bytes=";
    header = trimmed(header);
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    if (header.size() <= unit.size() || !std::equal(unit.begin(), unit.end(), header.begin(),
                                                    [&](char a, char b) { return a == lower(b); }))
        return {};
    header = trimmed(header.substr(unit.size()));
    const size_t dash = header.find('-');
    if (dash == header.npos || header.find(',') != header.npos) return {};
    const auto last = parse_number(header.substr(dash + 1));
    if (dash == 0) { // the last N bytes
        if (!last) return {};
        if (*last == 0 || size == 0) return {ByteRange::Kind::unsatisfiable};
        return {ByteRange::Kind::part, size - std::min(size, *last), size - 1};
    }
    const auto first = parse_number(header.substr(0, dash));
    const bool open = dash + 1 == header.size();
    if (!first || (!open && (!last || *last < *first))) return {};
    if (*first >= size) return {ByteRange::Kind::unsatisfiable};
    return {ByteRange::Kind::part, *first, open ? size - 1 : std::min(*last, size - 1)};
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
    if (trimmed(if_none_match) == "*") return true;
    // A tag may contain commas; each ends at its second quote.
    for (std::string_view rest = if_none_match;;) {
        const size_t open = rest.find('"');
        if (open == rest.npos) return false;
        const size_t close = rest.find('"', open + 1);
        if (close == rest.npos) return false;
        if (rest.substr(open, close - open + 1) == without_weakness(etag)) return true;
        rest = rest.substr(close + 1);
    }
}

} // namespace penstock::http
