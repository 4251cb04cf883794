// SPDX-License-Identifier: LGPL-2.1-or-later
// Appends big-endian numbers and bytes to a vector.
#pragma once

#include "core/bytes/bytes.h"

#include <bit>

namespace penstock {

class Writer {
public:
    Writer &u8(uint64_t value) { return big_endian(value, 1); }
    Writer &u16(uint64_t value) { return big_endian(value, 2); }
    Writer &u24(uint64_t value) { return big_endian(value, 3); }
    Writer &u32(uint64_t value) { return big_endian(value, 4); }
    Writer &u64(uint64_t value) { return big_endian(value, 8); }
    Writer &f64(double value) { return u64(std::bit_cast<uint64_t>(value)); }
    Writer &u32_le(uint32_t value) {
        for (int shift = 0; shift < 32; shift += 8)
            bytes_.push_back(static_cast<uint8_t>(value >> shift));
        return *this;
    }
    Writer &bytes(ByteView view) {
        bytes_.insert(bytes_.end(), view.begin(), view.end());
        return *this;
    }
    Writer &text(std::string_view view) {
        return bytes(ByteView(reinterpret_cast<const uint8_t *>(view.data()), view.size()));
    }

    size_t size() const { return bytes_.size(); }
    ByteView view() const { return bytes_; }
    std::vector<uint8_t> &vector() { return bytes_; }
    std::vector<uint8_t> take() { return std::exchange(bytes_, {}); }

private:
    Writer &big_endian(uint64_t value, int count) {
        for (int shift = (count - 1) * 8; shift >= 0; shift -= 8)
            bytes_.push_back(static_cast<uint8_t>(value >> shift));
        return *this;
    }

    std::vector<uint8_t> bytes_;
};

} // namespace penstock
