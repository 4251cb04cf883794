// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/http/target.h"

namespace penstock::http {
namespace {

bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}

/// The value of a hexadecimal digit; -1 for other characters.
int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The origin-form part of an absolute-form target; nullopt if it is not one.
std::optional<std::string_view> without_authority(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (target.size() <= scheme.size()) continue;
        bool same = true;
        for (size_t i = 0; i < scheme.size(); ++i)
            same = same && (target[i] | 0x20) == (scheme[i] | 0x20);
        if (!same) continue;
        const size_t end = target.find_first_of("/?", scheme.size());
        if (end == scheme.size()) return std::nullopt; // no host
        return end == target.npos ? std::string_view() : target.substr(end);
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (text.size() - i < 3) return std::nullopt;
            const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high << 4 | low);
            i += 2;
        }
        if (is_control(static_cast<unsigned char>(c))) return std::nullopt;
        out += c;
    }
    return out;
}

std::optional<Target> parse_target(std::string_view target) {
    if (target.size() > max_target_size) return std::nullopt;
    bool absolute = false;
    if (!target.starts_with('/'))
        if (const auto rest = without_authority(target)) {
            target = *rest;
            absolute = true;
        }
    const size_t mark = target.find('?');
    auto path = percent_decode(target.substr(0, mark));
    if (!path) return std::nullopt;
    if (absolute && path->empty()) path = "/";
    if (!path->starts_with('/')) return std::nullopt;
    Target out{std::move(*path), {}};
    if (mark == target.npos) return out;
    out.query = target.substr(mark + 1);
    for (const char c : out.query)
        if (is_control(static_cast<unsigned char>(c))) return std::nullopt;
    return out;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const size_t end = query.find('&');
        const std::string_view part = query.substr(0, end);
        query = end == query.npos ? std::string_view() : query.substr(end + 1);
        const size_t equals = part.find('=');
        if (part.substr(0, equals) != name) continue;
        std::string value(equals == part.npos ? std::string_view() : part.substr(equals + 1));
        for (char &c : value)
            if (c == '+') c = ' ';
        return percent_decode(value);
    }
    return std::nullopt;
}

} // namespace penstock::http
