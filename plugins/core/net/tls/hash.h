// SPDX-License-Identifier: LGPL-2.1-or-later
// Hashes for layers that have no cryptography. This header does not need OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace penstock::net {

/// The hash as hexadecimal digits in lower case; empty if the system's policy forbids it.
/// Thread-safe.
std::string md5_hex(std::string_view text);
std::string sha256_hex(std::string_view text);

} // namespace penstock::net
