// SPDX-License-Identifier: LGPL-2.1-or-later
// The digest that proves a password without sending it. RFC 7616 (and RFC 2617, without qop).
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace penstock::rtsp {

/// Hashes as text of hexadecimal digits in lower case; empty if the system refuses that one. They
/// are given from outside, because this layer has no cryptography of its own.
struct Hashes {
    std::string (*md5)(std::string_view text) = nullptr;
    std::string (*sha256)(std::string_view text) = nullptr;
};
/// Fills the bytes with ones that nobody can guess.
using Random = void (*)(std::span<uint8_t> bytes);

/// `size` random bytes as hexadecimal digits.
std::string random_text(Random random, size_t size);

enum class Algorithm : uint8_t { md5, md5_sess, sha256, sha256_sess };
/// "MD5", "SHA-256-sess" and so on; empty is MD5. nullopt: it is not supported.
std::optional<Algorithm> parse_algorithm(std::string_view text);
std::string_view to_string(Algorithm algorithm);
inline bool is_sha256(Algorithm algorithm) {
    return algorithm >= Algorithm::sha256;
}

/// What a response is made of.
struct DigestInput {
    Algorithm algorithm = Algorithm::md5;
    std::string_view user, realm, password, nonce, method, uri;
    std::string_view qop;         ///< "auth", or empty: the form of RFC 2069
    std::string_view nc = {};     ///< eight digits of hexadecimal; with qop
    std::string_view cnonce = {}; ///< with qop, and with the algorithms of sessions
};
/// The value of `response`; empty if the system refuses the hash.
std::string digest_response(const Hashes &hashes, const DigestInput &input);

} // namespace penstock::rtsp
