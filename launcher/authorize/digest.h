// SPDX-License-Identifier: LGPL-2.1-or-later
// Encodings and digests of tokens, signatures and keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::authorize {

/// RFC 4648 section 5, without padding. nullopt if the text is not valid.
std::optional<std::string> base64url_decode(std::string_view text);
/// Lower-case hexadecimal digits.
std::string hex(std::string_view bytes);
/// 32 bytes.
std::string sha256(std::string_view bytes);
/// HMAC-SHA256, RFC 2104: 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// Compares in constant time; texts of different lengths differ.
bool is_same(std::string_view a, std::string_view b);

} // namespace penstock::authorize
