// SPDX-License-Identifier: LGPL-2.1-or-later
// Lists of IP addresses and networks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::authorize {

/// An IPv4 or IPv6 network, such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7.
class Network {
public:
    /// nullopt if the text is not a network, or if bits beyond the prefix are set.
    static std::optional<Network> parse(std::string_view text);
    /// An IPv4 address in IPv6 form (::ffff:192.0.2.7) counts as the IPv4 address.
    bool has(std::string_view ip) const;

private:
    std::array<uint8_t, 16> bytes_{}; ///< IPv4 is ::ffff:0:0/96
    unsigned prefix_ = 0;
};

/// Whether one of the networks contains the address.
bool has(const std::vector<Network> &networks, std::string_view ip);

} // namespace penstock::authorize
