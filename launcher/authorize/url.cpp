// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/url.h"

#include <algorithm>

namespace penstock::authorize {
namespace {

constexpr std::string_view plain_prefix = "http://", secure_prefix = "https://";

} // namespace

std::string Url::authority() const {
    const std::string name = host.find(':') == host.npos ? host : '[' + host + ']';
    return port == (is_secure ? "443" : "80") ? name : name + ':' + port;
}

std::string Url::to_string() const {
    return std::string(is_secure ? secure_prefix : plain_prefix) + authority() + target;
}

std::optional<Url> Url::parse_server(std::string_view text, std::string_view target) {
    if (text.find("://") != text.npos) return parse(text);
    if (text.find_first_of("/?") != text.npos) return std::nullopt;
    return parse(std::string(plain_prefix).append(text).append(target));
}

std::optional<Url> Url::parse(std::string_view text) {
    Url out;
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= ' ' || c == '#' || c == 0x7f) return std::nullopt;
    out.is_secure = text.starts_with(secure_prefix);
    const std::string_view prefix = out.is_secure ? secure_prefix : plain_prefix;
    if (!text.starts_with(prefix)) return std::nullopt;
    text.remove_prefix(prefix.size());
    const size_t slash = std::min(text.find_first_of("/?"), text.size());
    std::string_view place = text.substr(0, slash);
    out.target = text.substr(slash);
    if (!out.target.starts_with('/')) out.target.insert(0, 1, '/');
    if (place.find('@') != place.npos) return std::nullopt;
    size_t colon = place.rfind(':');
    if (place.starts_with('[')) {
        const size_t end = place.find(']');
        if (end == place.npos) return std::nullopt;
        out.host = place.substr(1, end - 1);
        colon = end + 1 < place.size() ? end + 1 : place.npos;
        if (colon != place.npos && place[colon] != ':') return std::nullopt;
    } else {
        out.host = place.substr(0, colon);
        if (out.host.find(':') != out.host.npos) return std::nullopt;
    }
    out.port = colon == place.npos ? (out.is_secure ? "443" : "80") : place.substr(colon + 1);
    if (out.host.empty() || out.port.empty() || out.port.size() > 5 ||
        out.port.find_first_not_of("0123456789") != out.port.npos)
        return std::nullopt;
    return out;
}

} // namespace penstock::authorize
