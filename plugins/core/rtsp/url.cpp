// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/url.h"

#include "core/sdp/text.h"

#include <algorithm>

namespace penstock::rtsp {
namespace {

constexpr size_t max_host = 253;

std::optional<unsigned> hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = sdp::lower(c);
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return std::nullopt;
}

/// What is no escape stays as it is.
std::string percent_decoded(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const auto high = hex(text[i + 1]), low = hex(text[i + 2]);
            if (high && low) {
                out += static_cast<char>(*high << 4 | *low);
                i += 2;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

bool has_scheme(std::string_view text) {
    const size_t colon = text.find("://");
    return colon != text.npos && colon < text.find_first_of("/?#");
}

} // namespace

std::string Url::without_user() const {
    std::string out = is_secure ? "rtsps://" : "rtsp://";
    out += host.find(':') == host.npos ? host : '[' + host + ']';
    if (port != (is_secure ? default_tls_port : default_port)) out += ':' + std::to_string(port);
    return out + target;
}

std::string Url::shown() const {
    const std::string whole = without_user();
    return whole.substr(0, whole.find('?'));
}

std::string Url::path() const {
    std::string_view text = target;
    text = text.substr(0, text.find('?'));
    text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
    return percent_decoded(text);
}

std::string_view Url::query() const {
    const size_t mark = target.find('?');
    return mark == target.npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::optional<Url> parse_url(std::string_view text) {
    if (text.size() > max_url_size) return std::nullopt;
    for (const char c : text)
        if (c <= ' ' || c >= 0x7f) return std::nullopt;
    const size_t scheme_end = text.find("://");
    if (scheme_end == text.npos) return std::nullopt;
    const std::string_view scheme = text.substr(0, scheme_end);
    Url out;
    out.is_secure = sdp::same_word(scheme, "rtsps");
    if (!out.is_secure && !sdp::same_word(scheme, "rtsp") && !sdp::same_word(scheme, "rtspu"))
        return std::nullopt;
    text.remove_prefix(scheme_end + 3);
    const size_t end = std::min(text.find_first_of("/?"), text.size());
    std::string_view place = text.substr(0, end);
    out.target = text.substr(end);
    if (!out.target.starts_with('/')) out.target.insert(0, 1, '/');
    if (const size_t at = place.rfind('@'); at != place.npos) {
        const std::string_view user = place.substr(0, at);
        const size_t colon = std::min(user.find(':'), user.size());
        out.user = percent_decoded(user.substr(0, colon));
        out.password = percent_decoded(user.substr(std::min(colon + 1, user.size())));
        place.remove_prefix(at + 1);
    }
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
    out.port = out.is_secure ? default_tls_port : default_port;
    if (place.empty()) return out;
    const auto port = sdp::number<uint16_t>(place.substr(1), 65535);
    if (!port || *port == 0) return std::nullopt;
    out.port = *port;
    return out;
}

std::string control_url(std::string_view base, std::string_view control) {
    control = sdp::trimmed(control);
    if (control.empty() || control == "*") return std::string(base);
    if (has_scheme(control)) return std::string(control);
    std::string out(base);
    if (control.starts_with('/')) { // from the root
        const size_t host = out.find("://");
        const size_t root = host == out.npos ? out.size() : out.find_first_of("/?", host + 3);
        return out.substr(0, root) + std::string(control);
    }
    if (!out.ends_with('/')) out += '/';
    return out + std::string(control);
}

} // namespace penstock::rtsp
