// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/options.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace penstock::net {
namespace {

constexpr size_t max_host = 253;
constexpr size_t max_credential = 512;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void fail(std::string *error, std::string reason) {
    if (error) *error = std::move(reason);
}

/// The parts between commas; an empty text has none.
std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        out.push_back(text.substr(0, comma));
        // A comma at the end is before an empty part.
        if (comma + 1 == text.size()) out.emplace_back();
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return out;
}

bool is_reachable(const in_addr &address) {
    const uint32_t number = ntohl(address.s_addr);
    return number >> 24 != 0 && number < 0xe0000000; // "this network", multicast, reserved
}

bool is_reachable(const in6_addr &address) {
    return !IN6_IS_ADDR_UNSPECIFIED(&address) && !IN6_IS_ADDR_MULTICAST(&address);
}

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// A user name or a password; nullopt if it is empty, too long or not as it has to be written.
std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == ':' || c == '@' || c == ',') return std::nullopt;
        if (c == '%') {
            const int high = i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
            const int low = high < 0 ? -1 : digit_of(text[i + 2]);
            if (low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        // It becomes a quoted string in a header (RFC 9110, section 5.6.4).
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return std::nullopt;
        out += c;
    }
    if (out.empty() || out.size() > max_credential) return std::nullopt;
    return out;
}

/// A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port.
bool is_host(std::string_view text) {
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        in6_addr address{};
        if (end == text.npos ||
            inet_pton(AF_INET6, std::string(text.substr(1, end - 1)).c_str(), &address) != 1)
            return false;
        text.remove_prefix(end + 1);
    } else {
        const std::string_view name = text.substr(0, text.find(':'));
        if (name.empty() || name.size() > max_host || !is_alphanumeric(name.front()) ||
            !std::all_of(name.begin(), name.end(),
                         [](char c) { return is_alphanumeric(c) || c == '.' || c == '-'; }))
            return false;
        text.remove_prefix(name.size());
    }
    if (text.empty()) return true;
    const auto port = parse_address(text);
    return port && port->port != 0;
}

/// Sets `reason` to what is wrong with one of the URIs.
std::optional<IceServer> parse_ice_server(std::string_view text, std::string &reason) {
    constexpr std::array<std::string_view, 4> schemes{"stun", "stuns", "turn", "turns"};
    const std::string_view scheme = text.substr(0, text.find(':'));
    if (scheme.size() == text.size() ||
        std::find(schemes.begin(), schemes.end(), scheme) == schemes.end()) {
        reason = "begins with none of stun:, stuns:, turn: and turns:";
        return std::nullopt;
    }
    std::string_view rest = text.substr(scheme.size() + 1);
    if (rest.starts_with("//")) {
        reason = "has no slashes behind the colon: write " + std::string(scheme) + ":host:port";
        return std::nullopt;
    }
    const bool is_turn = scheme.starts_with("turn");
    IceServer server;
    const size_t at = rest.rfind('@');
    if (is_turn != (at != rest.npos)) {
        reason = is_turn ? "needs user and password: write turn:user:password@host:port"
                         : "takes no user and password: write stun:host:port";
        return std::nullopt;
    }
    if (is_turn) {
        const std::string_view who = rest.substr(0, at);
        const size_t colon = who.find(':');
        const auto user = decode(who.substr(0, colon));
        const auto password = colon == who.npos ? std::nullopt : decode(who.substr(colon + 1));
        if (!user || !password) {
            reason = "needs user and password: write turn:user:password@host:port, and %3A, %2C, "
                     "%40 and %25 for a colon, a comma, an @ and a % in them";
            return std::nullopt;
        }
        server.username = *user;
        server.credential = *password;
        rest.remove_prefix(at + 1);
    }
    const std::string_view host = rest.substr(0, rest.find('?'));
    const std::string_view query = rest.substr(host.size());
    if (!is_host(host)) {
        reason = "has no host, or no port from 1 to 65535: write " + std::string(scheme) +
                 (is_turn ? ":user:password@host:port" : ":host:port");
        return std::nullopt;
    }
    if (!query.empty() && (!is_turn || (query != "?transport=udp" && query != "?transport=tcp"))) {
        reason = "may end in ?transport=udp or ?transport=tcp if it is for TURN, and in no other "
                 "query";
        return std::nullopt;
    }
    server.url = std::string(scheme) + ":" + std::string(rest);
    return server;
}

} // namespace

std::optional<std::vector<std::string>> parse_announced(std::string_view text, std::string *error) {
    std::vector<std::string> out;
    for (const std::string_view part : split(text)) {
        std::string address(part);
        in_addr v4{};
        in6_addr v6{};
        const bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4) == 1;
        const bool is_v6 = !is_v4 && inet_pton(AF_INET6, address.c_str(), &v6) == 1;
        if (address.find('\0') != address.npos || !(is_v4 || is_v6)) {
            fail(error, "announce: '" + address +
                            "' is no IP address: write those by which viewers reach this machine, "
                            "as 203.0.113.7,2001:db8::7");
            return std::nullopt;
        }
        if (!(is_v4 ? is_reachable(v4) : is_reachable(v6))) {
            fail(error, "announce: nobody can send to " + address +
                            ": write an address by which viewers reach this machine");
            return std::nullopt;
        }
        if (std::find(out.begin(), out.end(), address) == out.end())
            out.push_back(std::move(address));
        if (out.size() > max_announced) {
            fail(error, "announce: more than " + std::to_string(max_announced) +
                            " addresses: viewers try each of them; leave some out");
            return std::nullopt;
        }
    }
    return out;
}

std::optional<std::vector<IceServer>> parse_ice_servers(std::string_view text, std::string *error) {
    std::vector<IceServer> out;
    for (const std::string_view part : split(text)) {
        std::string reason;
        auto server = parse_ice_server(part, reason);
        if (server && out.size() == max_ice_servers)
            reason = "is one too many: " + std::to_string(max_ice_servers) + " are taken at most";
        if (!reason.empty()) {
            fail(error, "ice-servers: number " + std::to_string(out.size() + 1) + " " + reason);
            return std::nullopt;
        }
        out.push_back(std::move(*server));
    }
    return out;
}

std::string without_credentials(std::string_view ice_servers) {
    const auto servers = parse_ice_servers(ice_servers, nullptr);
    if (!servers) return "(invalid)"; // anything in it may belong to a password
    std::string out;
    for (const IceServer &server : *servers) {
        const size_t host = server.url.find(':') + 1;
        out += (out.empty() ? "" : ",") + server.url.substr(0, host) +
               (server.username.empty() ? "" : "***:***@") + server.url.substr(host);
    }
    return out;
}

std::optional<RtcOptions> parse_rtc_options(const RtcTexts &texts, std::string *error) {
    const auto udp = parse_address(texts.udp);
    if (!udp) {
        fail(error, "udp: '" + texts.udp +
                        "' is no address: write host:port, or :8189 for every interface");
        return std::nullopt;
    }
    auto announce = parse_announced(texts.announce, error);
    if (!announce) return std::nullopt;
    auto ice_servers = parse_ice_servers(texts.ice_servers, error);
    if (!ice_servers) return std::nullopt;
    return RtcOptions{
        .udp = *udp, .announce = std::move(*announce), .ice_servers = std::move(*ice_servers)};
}

} // namespace penstock::net
