// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/tls/random.h"

#include <array>
#include <new>
#include <vector>

#include <openssl/rand.h>

namespace penstock::net {

void secure_random(std::span<uint8_t> bytes) {
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw std::bad_alloc();
}

uint64_t secure_random() {
    std::array<uint8_t, sizeof(uint64_t)> bytes{};
    secure_random(bytes);
    uint64_t number = 0;
    for (const uint8_t byte : bytes)
        number = number << 8 | byte;
    return number;
}

std::string random_name(size_t characters) {
    constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567"; // 5 bits each
    std::vector<uint8_t> bytes(characters);
    secure_random(bytes);
    std::string name;
    for (const uint8_t byte : bytes)
        name += alphabet[byte & 31];
    return name;
}

} // namespace penstock::net
