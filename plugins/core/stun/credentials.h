// SPDX-License-Identifier: LGPL-2.1-or-later
// User fragments and passwords of ICE (RFC 8445, section 5.3; RFC 8839, section 5.4). Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace penstock::stun {

struct Credentials {
    std::string ufrag;    ///< 4 to 256 of [A-Za-z0-9+/]
    std::string password; ///< 22 to 256 of the same
    bool operator==(const Credentials &) const = default;
};

/// Fills the bytes with random ones that nobody can guess. Given from outside, because this layer
/// has no cryptography of its own.
using Random = void (*)(std::span<uint8_t> bytes);

/// Makes a fragment of 8 characters (48 bits) and a password of 24 (144 bits).
Credentials make_credentials(Random random);

/// Whether both have the characters and lengths that the standard wants.
bool are_valid(const Credentials &credentials);

/// The receiver's fragment in a USERNAME: what is before its first colon; empty if there is none.
std::string_view receiver_ufrag(std::string_view username);

} // namespace penstock::stun
