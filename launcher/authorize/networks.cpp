// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/networks.h"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace penstock::authorize {
namespace {

constexpr unsigned mapped = 96; ///< bits before an IPv4 address

struct Ip {
    std::array<uint8_t, 16> bytes{};
    bool is_v4 = false;
};

std::optional<Ip> parse_ip(std::string_view text) {
    if (text.empty() || text.size() > 45) return std::nullopt;
    const std::string ended(text);
    Ip out;
    if (ended.find(':') == ended.npos) {
        out.is_v4 = true;
        out.bytes[10] = out.bytes[11] = 0xff;
        if (::inet_pton(AF_INET, ended.c_str(), out.bytes.data() + mapped / 8) != 1)
            return std::nullopt;
    } else if (::inet_pton(AF_INET6, ended.c_str(), out.bytes.data()) != 1) {
        return std::nullopt;
    }
    return out;
}

bool bit(const std::array<uint8_t, 16> &bytes, unsigned at) {
    return (bytes[at / 8] >> (7 - at % 8) & 1) != 0;
}

} // namespace

std::optional<Network> Network::parse(std::string_view text) {
    const size_t slash = text.find('/');
    const auto ip = parse_ip(text.substr(0, slash));
    if (!ip) return std::nullopt;
    const unsigned longest = ip->is_v4 ? 32 : 128;
    unsigned prefix = longest;
    if (slash != text.npos) {
        const std::string_view digits = text.substr(slash + 1);
        const char *end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, prefix);
        if (error != std::errc() || stop != end || prefix > longest) return std::nullopt;
    }
    Network out;
    out.bytes_ = ip->bytes;
    out.prefix_ = prefix + (ip->is_v4 ? mapped : 0);
    for (unsigned at = out.prefix_; at < 128; ++at)
        if (bit(out.bytes_, at)) return std::nullopt;
    return out;
}

bool Network::has(std::string_view ip) const {
    // A link-local address may name its interface: fe80::1%eth0.
    const auto other = parse_ip(ip.substr(0, ip.find('%')));
    if (!other) return false;
    for (unsigned at = 0; at < prefix_; ++at)
        if (bit(bytes_, at) != bit(other->bytes, at)) return false;
    return true;
}

bool has(const std::vector<Network> &networks, std::string_view ip) {
    return std::any_of(networks.begin(), networks.end(),
                       [&](const Network &each) { return each.has(ip); });
}

} // namespace penstock::authorize
