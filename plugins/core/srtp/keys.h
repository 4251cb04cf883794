// SPDX-License-Identifier: LGPL-2.1-or-later
// Keys of SRTP: those that two peers agree on, and those derived from them for packets (RFC 3711,
// section 4.3). This header does not need OpenSSL.
#pragma once

#include "core/bytes/bytes.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock::srtp {

/// How packets are encrypted and authenticated.
enum class Profile : uint8_t {
    aes128_cm_sha1_80, ///< RFC 3711; DTLS-SRTP's 0x0001 (RFC 5764, section 4.1.2)
    aead_aes_128_gcm,  ///< RFC 7714; 0x0007
    aead_aes_256_gcm   ///< RFC 7714; 0x0008
};

constexpr bool is_aead(Profile profile) {
    return profile != Profile::aes128_cm_sha1_80;
}
/// Bytes of a master key and of a session key.
constexpr size_t key_size(Profile profile) {
    return profile == Profile::aead_aes_256_gcm ? 32 : 16;
}
/// Bytes of a master salt and of a session salt.
constexpr size_t salt_size(Profile profile) {
    return is_aead(profile) ? 12 : 14;
}
/// Bytes that authenticate a packet.
constexpr size_t tag_size(Profile profile) {
    return is_aead(profile) ? 16 : 10;
}
constexpr size_t max_key_size = 32, max_salt_size = 14, max_tag_size = 16;
/// Bytes of the key for HMAC-SHA1, which AEAD profiles do not use.
constexpr size_t auth_key_size = 20;

/// Overwrites memory that had a key; the compiler does not leave it out.
void erase(void *memory, size_t size) noexcept;

/// Bytes that are erased when they are destroyed.
template <size_t size>
struct Secret {
    std::array<uint8_t, size> bytes{};

    Secret() = default;
    Secret(const Secret &) = default;
    Secret &operator=(const Secret &) = default;
    ~Secret() { erase(bytes.data(), size); }
    bool operator==(const Secret &) const = default;
};

/// What one side encrypts with. Of each member the first key_size() or salt_size() bytes count.
struct MasterKey {
    Secret<max_key_size> key;
    Secret<max_salt_size> salt;
    bool operator==(const MasterKey &) const = default;
};

/// Derived for the packets of one kind.
struct SessionKeys {
    Secret<max_key_size> key;
    Secret<max_salt_size> salt;
    Secret<auth_key_size> auth;
};

enum class Kind : uint8_t { rtp, rtcp };

/// RFC 3711, section 4.3, with a key derivation rate of 0; RFC 7714, section 11. Throws
/// std::bad_alloc.
SessionKeys derive(Profile profile, const MasterKey &master, Kind kind);

} // namespace penstock::srtp
