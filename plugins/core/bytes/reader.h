// SPDX-License-Identifier: LGPL-2.1-or-later
// A bounds-checked cursor over bytes from the network.
#pragma once

#include "core/bytes/bytes.h"

#include <bit>

namespace penstock {

/// Reads big-endian numbers. A read past the end returns 0, moves the cursor to the end and sets
/// failed(), so a parser can check once after a group of reads.
class Reader {
public:
    explicit Reader(ByteView bytes) : bytes_(bytes) {}

    bool failed() const { return failed_; }
    size_t position() const { return position_; }
    size_t remaining() const { return bytes_.size() - position_; }
    ByteView rest() const { return bytes_.subspan(position_); }

    uint8_t u8() { return static_cast<uint8_t>(big_endian(1)); }
    uint16_t u16() { return static_cast<uint16_t>(big_endian(2)); }
    uint32_t u24() { return static_cast<uint32_t>(big_endian(3)); }
    uint32_t u32() { return static_cast<uint32_t>(big_endian(4)); }
    uint64_t u64() { return big_endian(8); }
    double f64() { return std::bit_cast<double>(u64()); }
    /// Little-endian; used only for RTMP's message stream id.
    uint32_t u32_le() {
        ByteView v = take(4);
        if (v.size() < 4) return 0;
        return uint32_t(v[0]) | uint32_t(v[1]) << 8 | uint32_t(v[2]) << 16 | uint32_t(v[3]) << 24;
    }
    /// Returns `count` bytes; if fewer remain, returns an empty view and sets failed().
    ByteView take(size_t count) {
        if (count > remaining()) {
            failed_ = true;
            position_ = bytes_.size();
            return {};
        }
        ByteView view = bytes_.subspan(position_, count);
        position_ += count;
        return view;
    }
    void skip(size_t count) { take(count); }

private:
    uint64_t big_endian(size_t count) {
        uint64_t value = 0;
        for (uint8_t byte : take(count))
            value = value << 8 | byte;
        return value;
    }

    ByteView bytes_;
    size_t position_ = 0;
    bool failed_ = false;
};

} // namespace penstock
