// SPDX-License-Identifier: LGPL-2.1-or-later
// A bounds-checked cursor over bits, with the Exp-Golomb codes of H.264 and H.265.
#pragma once

#include "core/bytes/bytes.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::codec {

/// A read past the end returns 0 and sets failed().
class BitReader {
public:
    explicit BitReader(ByteView bytes) : bytes_(bytes), bits_(bytes.size() * 8) {}

    bool failed() const { return failed_; }
    size_t position() const { return position_; }
    size_t remaining() const { return bits_ - position_; }

    /// Returns the next `count` bits, at most 32, as a number.
    uint32_t u(unsigned count) {
        if (count > remaining()) {
            fail_here();
            return 0;
        }
        uint32_t value = 0;
        for (unsigned i = 0; i < count; ++i, ++position_)
            value = value << 1 | ((bytes_[position_ / 8] >> (7 - position_ % 8)) & 1);
        return value;
    }
    bool flag() { return u(1) != 0; }
    void skip(size_t count) {
        if (count > remaining())
            fail_here();
        else
            position_ += count;
    }
    /// Advances to the next byte boundary.
    void align() { position_ = std::min((position_ + 7) / 8 * 8, bits_); }

    /// ue(v), ITU-T H.264 9.1.
    uint32_t ue() {
        unsigned zeros = 0;
        while (!flag()) {
            if (failed_ || ++zeros > 31) {
                fail_here();
                return 0;
            }
        }
        return ((uint32_t(1) << zeros) - 1) + u(zeros);
    }
    /// se(v), ITU-T H.264 9.1.1.
    int32_t se() {
        const uint32_t k = ue();
        const int32_t half = static_cast<int32_t>(k / 2);
        return k % 2 ? half + 1 : -half;
    }

private:
    void fail_here() {
        failed_ = true;
        position_ = bits_;
    }

    ByteView bytes_;
    size_t bits_;
    size_t position_ = 0;
    bool failed_ = false;
};

/// Writes numbers bit by bit, the highest bit first.
class BitWriter {
public:
    BitWriter &u(unsigned count, uint32_t value) {
        for (unsigned i = count; i-- > 0;) {
            if (used_ % 8 == 0) bytes_.push_back(0);
            if (value >> i & 1) bytes_.back() |= static_cast<uint8_t>(0x80 >> used_ % 8);
            ++used_;
        }
        return *this;
    }
    /// Returns the bytes; the last is padded with zeros.
    std::vector<uint8_t> take() {
        used_ = 0;
        return std::exchange(bytes_, {});
    }

private:
    std::vector<uint8_t> bytes_;
    size_t used_ = 0;
};

} // namespace penstock::codec
