// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/challenge.h"

#include <algorithm>

namespace penstock::rtsp {
namespace {

constexpr std::string_view spaces = " \t";

void skip(std::string_view &text, std::string_view characters) {
    text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
}

bool is_token_character(char c) {
    return sdp::is_token(std::string_view(&c, 1));
}

std::string_view take_token(std::string_view &text) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_token_character);
    const auto token = text.substr(0, size_t(end - text.begin()));
    text.remove_prefix(token.size());
    return token;
}

/// Takes a string in quotes, or what is before the next comma or space.
bool take_value(std::string_view &text, std::string &out) {
    if (!text.starts_with('"')) {
        const size_t end = std::min(text.find_first_of(", \t"), text.size());
        out = text.substr(0, end);
        text.remove_prefix(end);
        return true;
    }
    for (size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return true;
        }
        if (text[i] == '\\' && ++i == text.size()) return false;
        out += text[i];
    }
    return false;
}

/// Whether a parameter follows: a name, "=", and a value that is not the padding of base64.
bool is_parameter(std::string_view text) {
    const std::string_view name = take_token(text);
    skip(text, spaces);
    if (name.empty() || !text.starts_with('=')) return false;
    text.remove_prefix(1);
    skip(text, spaces);
    return !text.empty() && text.front() != '=' && text.front() != ',';
}

bool take_parameters(std::string_view &text, Challenge &out) {
    while (is_parameter(text)) {
        std::string name(take_token(text)), value;
        skip(text, " \t=");
        if (!take_value(text, value)) return false;
        if (out.parameters.size() < max_parameters) out.parameters.add(name, std::move(value));
        skip(text, ", \t");
    }
    return true;
}

} // namespace

std::vector<Challenge> parse_challenges(std::string_view text) {
    std::vector<Challenge> out;
    skip(text, ", \t");
    while (!text.empty() && out.size() < max_challenges) {
        Challenge one;
        one.scheme = take_token(text);
        if (one.scheme.empty() ||
            (!text.empty() && !sdp::trimmed(text.substr(0, 1)).empty() && text.front() != ','))
            break;
        const bool has_space = !text.empty() && text.front() != ',';
        skip(text, spaces);
        if (has_space && !is_parameter(text)) {
            const size_t end = std::min(text.find_first_of(", \t"), text.size());
            one.token = text.substr(0, end);
            text.remove_prefix(end);
            skip(text, ", \t");
        } else if (!take_parameters(text, one)) {
            break;
        }
        skip(text, ", \t");
        out.push_back(std::move(one));
    }
    return out;
}

std::string quoted_parameter(std::string_view name, std::string_view text) {
    std::string out(name);
    out += "=\"";
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') continue;
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

} // namespace penstock::rtsp
