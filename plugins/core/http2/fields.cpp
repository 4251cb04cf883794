// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/http2/fields.h"

#include <algorithm>
#include <utility>

namespace penstock::http2 {
namespace {

bool same(std::string_view lower, std::string_view name) {
    return lower.size() == name.size() &&
           std::equal(lower.begin(), lower.end(), name.begin(), [](char a, char b) {
               return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b | 0x20) : b);
           });
}

/// Takes the next name and value out of `rest`.
std::pair<std::string_view, std::string_view> next(std::string_view &rest) {
    const auto cut = [&rest] {
        const std::string_view part = rest.substr(0, rest.find('\0'));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        return part;
    };
    const std::string_view name = cut();
    return {name, cut()};
}

} // namespace

void Fields::add(std::string_view name, std::string_view value) {
    text_.append(name).append(1, '\0').append(value).append(1, '\0');
}

std::string_view Fields::first(std::string_view name) const {
    for (std::string_view rest = text_; !rest.empty();)
        if (const auto [each, value] = next(rest); same(each, name)) return value;
    return {};
}

std::string Fields::get(std::string_view name) const {
    if (same("host", name) && has(":authority")) return std::string(authority());
    if (!same("cookie", name)) return std::string(first(name));
    std::string all;
    for (std::string_view rest = text_; !rest.empty();)
        if (const auto [each, value] = next(rest); same(each, name))
            all.append(all.empty() ? "" : "; ").append(value);
    return all;
}

} // namespace penstock::http2
