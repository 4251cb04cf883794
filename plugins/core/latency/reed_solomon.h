// SPDX-License-Identifier: LGPL-2.1-or-later
// Reed-Solomon over GF(256): field polynomial 0x11D, generator roots 2^0 to 2^(parity - 1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock::latency {

/// Fills in the last `parity` bytes, so that `word` becomes a codeword.
void add_parity(std::span<uint8_t> word, size_t parity);

/// Corrects up to parity / 2 bytes in place. Returns false and leaves `word` unchanged if no
/// codeword is that close. `word` has at most 255 bytes, `parity` is at most 32.
bool correct(std::span<uint8_t> word, size_t parity);

} // namespace penstock::latency
