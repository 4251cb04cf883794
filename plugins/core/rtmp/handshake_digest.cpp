// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/handshake_digest.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace penstock::rtmp {
namespace {

constexpr size_t digest_size = sizeof(Digest);
constexpr uint32_t offsets = 728; ///< places in a half at which a digest may begin

// Both keys are constants of the protocol, no secrets: a text, and for signatures the same bytes
// behind it.
constexpr std::string_view client_text = "Genuine Adobe Flash Player 001";
constexpr std::string_view server_text = "Genuine Adobe Flash Media Server 001";
constexpr std::array<uint8_t, 32> tail = {
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57,
    0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE};

ByteView bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

/// The digest of a block is over what is before and behind it.
Digest digest_of(ByteView block, size_t offset, std::string_view key, Hmac hmac) {
    return hmac(bytes_of(key), block.first(offset), block.subspan(offset + digest_size));
}

} // namespace

size_t digest_offset(ByteView block, DigestScheme scheme) {
    const size_t base = scheme == DigestScheme::first_half ? 8 : 772;
    const uint32_t sum =
        uint32_t(block[base]) + block[base + 1] + block[base + 2] + block[base + 3];
    return base + 4 + sum % offsets;
}

std::optional<FoundDigest> find_client_digest(ByteView c1, Hmac hmac) {
    for (const auto scheme : {DigestScheme::second_half, DigestScheme::first_half}) {
        const size_t offset = digest_offset(c1, scheme);
        const Digest digest = digest_of(c1, offset, client_text, hmac);
        if (std::memcmp(digest.data(), c1.data() + offset, digest_size) == 0)
            return FoundDigest{scheme, digest};
    }
    return std::nullopt;
}

void sign_s1(std::span<uint8_t> s1, DigestScheme scheme, Hmac hmac) {
    const size_t offset = digest_offset(s1, scheme);
    const Digest digest = digest_of(s1, offset, server_text, hmac);
    std::copy(digest.begin(), digest.end(), s1.begin() + static_cast<ptrdiff_t>(offset));
}

void sign_s2(std::span<uint8_t> s2, const Digest &client, Hmac hmac) {
    std::array<uint8_t, server_text.size() + tail.size()> whole;
    std::copy(tail.begin(), tail.end(),
              std::copy(server_text.begin(), server_text.end(), whole.begin()));
    const Digest key = hmac(whole, client, {});
    const size_t signed_size = s2.size() - digest_size;
    const Digest signature = hmac(key, s2.first(signed_size), {});
    std::copy(signature.begin(), signature.end(), s2.begin() + static_cast<ptrdiff_t>(signed_size));
}

} // namespace penstock::rtmp
