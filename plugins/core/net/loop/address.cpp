// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/address.h"

#include <algorithm>
#include <charconv>

namespace penstock::net {
namespace {

std::optional<uint16_t> parse_port(std::string_view text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return port;
}

bool is_host_character(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

} // namespace

std::string Address::to_string() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Address> parse_address(std::string_view text) {
    std::string_view host;
    std::string_view rest = text;
    if (text.starts_with('[')) {
        const size_t close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        host = text.substr(1, close - 1);
        rest = text.substr(close + 1);
        if (host.empty() || host.find_first_not_of("0123456789abcdefABCDEF:.%") != host.npos)
            return std::nullopt;
    } else {
        const size_t colon = text.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        host = text.substr(0, colon);
        rest = text.substr(colon);
        if (!std::all_of(host.begin(), host.end(), is_host_character)) return std::nullopt;
    }
    if (!rest.starts_with(':')) return std::nullopt;
    const auto port = parse_port(rest.substr(1));
    if (!port) return std::nullopt;
    return Address{std::string(host), *port};
}

std::optional<Location> parse_location(std::string_view url, uint16_t default_port,
                                       std::string *error) {
    const auto fail = [&](const char *what) {
        if (error) *error = "'" + std::string(url) + "' " + what;
        return std::nullopt;
    };
    const size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos || scheme_end == 0)
        return fail("is not a URL: write scheme://host:port/path");
    Location location;
    location.scheme = url.substr(0, scheme_end);
    std::string_view rest = url.substr(scheme_end + 3);
    const size_t slash = rest.find('/');
    std::string authority(rest.substr(0, slash));
    std::string_view path = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
    if (const size_t mark = path.find('?'); mark != path.npos) {
        location.query = path.substr(mark + 1);
        path = path.substr(0, mark);
    }
    location.path = path;
    const bool is_secure = location.scheme == "https" || location.scheme == "rtmps";
    const size_t colon = authority.rfind(':');
    if (colon == std::string::npos || authority.find(']', colon) != std::string::npos)
        authority += ":" + std::to_string(is_secure ? 443 : default_port);
    const auto address = parse_address(authority);
    if (!address) return fail("has no valid host:port (0 to 65535)");
    location.address = *address;
    return location;
}

bool is_safe_segment(std::string_view segment) {
    if (segment.empty() || segment.size() > 128 || segment == "." || segment == "..") return false;
    return std::all_of(segment.begin(), segment.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '~' || c == '-';
    });
}

bool is_safe_path(std::string_view path) {
    for (unsigned segments = 1; segments <= 8; ++segments) {
        const size_t slash = path.find('/');
        if (!is_safe_segment(path.substr(0, slash))) return false;
        if (slash == path.npos) return true;
        path = path.substr(slash + 1);
    }
    return false;
}

std::string_view query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const size_t end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
            return pair.substr(name.size() + 1);
        query = end == query.npos ? std::string_view() : query.substr(end + 1);
    }
    return {};
}

} // namespace penstock::net
