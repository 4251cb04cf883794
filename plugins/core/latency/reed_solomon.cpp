// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/latency/reed_solomon.h"

#include <algorithm>
#include <array>

namespace penstock::latency {
namespace {

constexpr size_t max_parity = 32;

/// Powers of 2 (doubled, so that sums of two logarithms need no modulo) and logarithms.
struct Field {
    std::array<uint8_t, 510> power{};
    std::array<uint8_t, 256> log{};
    constexpr Field() {
        unsigned x = 1;
        for (unsigned i = 0; i < 255; ++i) {
            power[i] = power[i + 255] = static_cast<uint8_t>(x);
            log[x] = static_cast<uint8_t>(i);
            x <<= 1;
            if (x & 0x100) x ^= 0x11D;
        }
    }
    constexpr uint8_t times(uint8_t a, uint8_t b) const {
        return a && b ? power[log[a] + log[b]] : 0;
    }
    /// `b` must not be 0.
    constexpr uint8_t over(uint8_t a, uint8_t b) const {
        return a ? power[log[a] + 255 - log[b]] : 0;
    }
};
constexpr Field field;

/// A polynomial, lowest power first.
using Polynomial = std::array<uint8_t, max_parity + 1>;

uint8_t value_at(const Polynomial &p, size_t terms, uint8_t x) {
    uint8_t sum = 0;
    for (size_t i = terms; i-- > 0;)
        sum = field.times(sum, x) ^ p[i];
    return sum;
}

/// Evaluates the word at the generator's roots. Returns false if all values are 0: it is a
/// codeword.
bool syndromes(std::span<const uint8_t> word, size_t parity, Polynomial &out) {
    bool any = false;
    for (size_t i = 0; i < parity; ++i) {
        uint8_t sum = 0;
        for (const uint8_t byte : word)
            sum = field.times(sum, field.power[i]) ^ byte;
        out[i] = sum;
        any |= sum != 0;
    }
    return any;
}

/// Berlekamp-Massey: the shortest recurrence that generates the syndromes. Returns its length.
size_t locate(const Polynomial &syndrome, size_t parity, Polynomial &locator) {
    Polynomial previous{};
    locator = {};
    locator[0] = previous[0] = 1;
    size_t length = 0, gap = 1;
    uint8_t previous_discrepancy = 1;
    for (size_t n = 0; n < parity; ++n) {
        uint8_t discrepancy = syndrome[n];
        for (size_t i = 1; i <= length; ++i)
            discrepancy ^= field.times(locator[i], syndrome[n - i]);
        if (discrepancy == 0) {
            ++gap;
            continue;
        }
        const Polynomial before = locator;
        const uint8_t factor = field.over(discrepancy, previous_discrepancy);
        for (size_t i = 0; i + gap <= max_parity; ++i)
            locator[i + gap] ^= field.times(factor, previous[i]);
        if (2 * length <= n) {
            length = n + 1 - length;
            previous = before;
            previous_discrepancy = discrepancy;
            gap = 1;
        } else {
            ++gap;
        }
    }
    return length;
}

} // namespace

void add_parity(std::span<uint8_t> word, size_t parity) {
    Polynomial generator{};
    generator[0] = 1;
    for (size_t i = 0; i < parity; ++i)
        for (size_t j = i + 2; j-- > 0;)
            generator[j] =
                field.times(generator[j], field.power[i]) ^ (j > 0 ? generator[j - 1] : 0);
    const size_t data = word.size() - parity;
    std::fill(word.begin() + static_cast<ptrdiff_t>(data), word.end(), uint8_t(0));
    for (size_t i = 0; i < data; ++i) {
        const uint8_t factor = word[i] ^ word[data];
        for (size_t j = 0; j < parity; ++j)
            word[data + j] = (j + 1 < parity ? word[data + j + 1] : 0) ^
                             field.times(factor, generator[parity - 1 - j]);
    }
}

bool correct(std::span<uint8_t> word, size_t parity) {
    Polynomial syndrome{};
    if (!syndromes(word, parity, syndrome)) return true;
    Polynomial locator{};
    const size_t errors = locate(syndrome, parity, locator);
    if (errors > parity / 2) return false;

    // Error values by Forney's algorithm: evaluator = syndrome * locator modulo x^parity.
    Polynomial evaluator{};
    for (size_t i = 0; i < parity; ++i)
        for (size_t j = 0; j <= std::min(i, errors); ++j)
            evaluator[i] ^= field.times(locator[j], syndrome[i - j]);
    std::array<std::pair<size_t, uint8_t>, max_parity> fixes{};
    size_t found = 0;
    for (size_t at = 0; at < word.size(); ++at) {
        const size_t exponent = word.size() - 1 - at;
        const uint8_t inverse = field.power[(255 - exponent % 255) % 255];
        if (value_at(locator, errors + 1, inverse) != 0) continue;
        // The formal derivative has only the odd terms.
        uint8_t slope = 0;
        for (size_t i = 1; i <= errors; i += 2) {
            uint8_t term = locator[i];
            for (size_t k = 1; k < i; ++k)
                term = field.times(term, inverse);
            slope ^= term;
        }
        if (slope == 0 || found == errors) return false;
        const uint8_t value = field.over(value_at(evaluator, parity, inverse), slope);
        fixes[found++] = {at, field.times(value, field.power[exponent % 255])};
    }
    if (found != errors) return false;
    for (size_t i = 0; i < found; ++i)
        word[fixes[i].first] ^= fixes[i].second;
    if (!syndromes(word, parity, syndrome)) return true;
    for (size_t i = 0; i < found; ++i)
        word[fixes[i].first] ^= fixes[i].second;
    return false;
}

} // namespace penstock::latency
