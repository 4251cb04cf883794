// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/latency/code.h"

#include "core/latency/reed_solomon.h"

#include <span>

namespace penstock::latency {
namespace {

constexpr uint64_t version = 1;
constexpr size_t fields_size = 13, checked_size = 17;

/// The CRC-32 of zlib.
uint32_t crc32(std::span<const uint8_t> bytes) {
    uint32_t crc = ~uint32_t(0);
    for (const uint8_t byte : bytes) {
        crc ^= byte;
        for (int i = 0; i < 8; ++i)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

void put(std::span<uint8_t> at, uint64_t value) {
    for (size_t i = at.size(); i-- > 0; value >>= 8)
        at[i] = static_cast<uint8_t>(value);
}

uint64_t get(std::span<const uint8_t> at) {
    uint64_t value = 0;
    for (const uint8_t byte : at)
        value = value << 8 | byte;
    return value;
}

void mask(Codeword &word) {
    for (size_t i = 0; i < word.size(); ++i)
        word[i] ^= static_cast<uint8_t>(167 * i + 85);
}

} // namespace

Codeword encode(const Stamp &stamp) {
    Codeword word{};
    const std::span<uint8_t> all(word);
    constexpr uint64_t time_mask = (uint64_t(1) << 52) - 1;
    put(all.subspan(0, 7), version << 52 | (static_cast<uint64_t>(stamp.time) & time_mask));
    put(all.subspan(7, 4), stamp.frame);
    put(all.subspan(11, 2), stamp.source);
    put(all.subspan(13, 4), crc32(all.first(fields_size)));
    add_parity(all, parity_size);
    mask(word);
    return word;
}

std::optional<Stamp> decode(const Codeword &masked) {
    Codeword word = masked;
    mask(word);
    const std::span<uint8_t> all(word);
    if (!correct(all, parity_size)) return std::nullopt;
    if (get(all.subspan(fields_size, 4)) != crc32(all.first(fields_size))) return std::nullopt;
    const uint64_t head = get(all.first(7));
    Stamp stamp;
    stamp.time = static_cast<int64_t>(head & ((uint64_t(1) << 52) - 1));
    stamp.frame = static_cast<uint32_t>(get(all.subspan(7, 4)));
    stamp.source = static_cast<uint16_t>(get(all.subspan(11, 2)));
    if (head >> 52 != version || stamp.time < earliest_time || stamp.time >= latest_time)
        return std::nullopt;
    return stamp;
}

Bit bit_of(int column, int row) {
    const int block = row / 2 * 5 + column / 4;
    const int place = row % 2 * 4 + column % 4;
    return {static_cast<size_t>(block), static_cast<uint8_t>(0x80 >> place)};
}

bool is_dark(const Codeword &word, int column, int row) {
    constexpr int data_end = cells::start + cells::columns;
    if (column < cells::start) return column < 3 || column == 4;
    if (column >= data_end) return column == data_end + 1 || column >= data_end + 3;
    const Bit bit = bit_of(column - cells::start, row);
    return word[bit.byte] & bit.mask;
}

} // namespace penstock::latency
