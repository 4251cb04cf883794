// SPDX-License-Identifier: LGPL-2.1-or-later
// Random bytes, numbers and names that nobody can guess. This header does not need OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace penstock::net {

// Thread-safe. They throw std::bad_alloc if the system has no random bytes.

void secure_random(std::span<uint8_t> bytes);
/// A random number.
uint64_t secure_random();
/// So many random letters and digits.
std::string random_name(size_t characters);

} // namespace penstock::net
