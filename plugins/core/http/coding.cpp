// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/http/coding.h"

#include <algorithm>

namespace penstock::http {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
    return text.substr(0, text.find_last_not_of(space) + 1);
}

bool is_word(std::string_view text, std::string_view lower) {
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? char(a | 0x20) : a) == b;
    });
}

/// "q=0", "q=0.000".
bool is_zero(std::string_view parameter) {
    parameter = trimmed(parameter);
    if (parameter.size() < 3 || !is_word(parameter.substr(0, 2), "q=")) return false;
    return parameter.substr(2).find_first_not_of("0.") == parameter.npos;
}

} // namespace

bool accepts_gzip(std::string_view accept_encoding) {
    bool any = false;
    while (!accept_encoding.empty()) {
        const std::string_view part = accept_encoding.substr(0, accept_encoding.find(','));
        accept_encoding.remove_prefix(std::min(part.size() + 1, accept_encoding.size()));
        const size_t semicolon = std::min(part.find(';'), part.size());
        const std::string_view name = trimmed(part.substr(0, semicolon));
        const bool allowed = !is_zero(part.substr(std::min(semicolon + 1, part.size())));
        if (is_word(name, "gzip")) return allowed;
        if (name == "*") any = allowed;
    }
    return any;
}

} // namespace penstock::http
