// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/http/url.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace penstock::http {
namespace {

constexpr size_t max_host = 253;

std::optional<uint16_t> parse_port(std::string_view text) {
    uint16_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

/// Resolves "." and ".." in a path that begins with a slash (RFC 3986 section 5.2.4).
std::string without_dots(std::string_view path) {
    std::vector<std::string_view> parts;
    bool ends_in_slash = false;
    while (!path.empty()) {
        path.remove_prefix(1);
        const size_t size = std::min(path.find('/'), path.size());
        const std::string_view part = path.substr(0, size);
        path.remove_prefix(size);
        ends_in_slash = part == "." || part == "..";
        if (part == "..") {
            if (!parts.empty()) parts.pop_back();
        } else if (part != ".") {
            parts.push_back(part);
        }
    }
    std::string out;
    for (const std::string_view part : parts)
        out.append("/").append(part);
    if (out.empty() || ends_in_slash) out += '/';
    return out;
}

bool has_scheme(std::string_view text) {
    const size_t colon = text.find(':');
    return colon != text.npos && colon < text.find_first_of("/?#");
}

} // namespace

std::string Url::authority() const {
    const std::string name = host.find(':') == host.npos ? host : '[' + host + ']';
    return port == (is_secure ? 443 : 80) ? name : name + ':' + std::to_string(port);
}

std::string Url::shown() const {
    return (is_secure ? "https://" : "http://") + authority() + target.substr(0, target.find('?'));
}

std::optional<Url> parse_url(std::string_view text) {
    if (text.size() > max_url_size) return std::nullopt;
    for (const char c : text)
        if (c <= ' ' || c == '#' || c >= 0x7f) return std::nullopt;
    Url out;
    if (text.starts_with("http://")) {
        text.remove_prefix(7);
    } else if (text.starts_with("https://")) {
        out.is_secure = true;
        text.remove_prefix(8);
    } else {
        return std::nullopt;
    }
    const size_t end = std::min(text.find_first_of("/?"), text.size());
    std::string_view place = text.substr(0, end);
    out.target = text.substr(end);
    if (!out.target.starts_with('/')) out.target.insert(0, 1, '/');
    if (place.find('@') != place.npos) return std::nullopt;
    if (place.starts_with('[')) {
        const size_t bracket = place.find(']');
        if (bracket == place.npos) return std::nullopt;
        out.host = place.substr(1, bracket - 1);
        place.remove_prefix(bracket + 1);
        if (!place.empty() && place.front() != ':') return std::nullopt;
    } else {
        const size_t size = std::min(place.find(':'), place.size());
        out.host = place.substr(0, size);
        place.remove_prefix(size);
    }
    if (out.host.empty() || out.host.size() > max_host) return std::nullopt;
    const auto port = place.empty() ? std::optional<uint16_t>(out.is_secure ? 443 : 80)
                                    : parse_port(place.substr(1));
    if (!port) return std::nullopt;
    out.port = *port;
    return out;
}

std::optional<Url> resolve_url(const Url &base, std::string_view reference) {
    if (reference.empty() || reference.size() > max_url_size) return std::nullopt;
    if (has_scheme(reference)) return parse_url(reference);
    const std::string scheme = base.is_secure ? "https:" : "http:";
    if (reference.starts_with("//")) return parse_url(scheme + std::string(reference));
    const std::string origin = scheme + "//" + base.authority();
    const std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
    if (reference.starts_with('?'))
        return parse_url(origin + std::string(path) + std::string(reference));
    const size_t query = std::min(reference.find('?'), reference.size());
    std::string joined(reference.substr(0, query));
    if (!joined.starts_with('/')) joined.insert(0, path.substr(0, path.rfind('/') + 1));
    return parse_url(origin + without_dots(joined) + std::string(reference.substr(query)));
}

} // namespace penstock::http
