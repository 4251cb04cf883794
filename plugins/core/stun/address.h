// SPDX-License-Identifier: LGPL-2.1-or-later
// An IP address with a port, as STUN has it in its attributes. Thread-safe.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace penstock::stun {

struct TransportAddress {
    bool is_v6 = false;
    std::array<uint8_t, 16> bytes{}; ///< in network order; of IPv4 the first four, the rest is 0
    uint16_t port = 0;

    static constexpr TransportAddress v4(const std::array<uint8_t, 4> &bytes, uint16_t port) {
        TransportAddress out{false, {}, port};
        for (size_t i = 0; i < bytes.size(); ++i)
            out.bytes[i] = bytes[i];
        return out;
    }
    /// One that is mapped from IPv4 (::ffff:192.0.2.1), as sockets of both families give it, is
    /// taken for IPv4.
    static constexpr TransportAddress v6(const std::array<uint8_t, 16> &bytes, uint16_t port) {
        constexpr std::array<uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
        for (size_t i = 0; i < mapped.size(); ++i)
            if (bytes[i] != mapped[i]) return {true, bytes, port};
        return v4({bytes[12], bytes[13], bytes[14], bytes[15]}, port);
    }

    /// Bytes of the address.
    constexpr size_t size() const { return is_v6 ? 16 : 4; }
    auto operator<=>(const TransportAddress &) const = default;
};

} // namespace penstock::stun
