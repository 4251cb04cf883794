// SPDX-License-Identifier: LGPL-2.1-or-later
// Arithmetic of numbers that wrap: RTP's sequence numbers and timestamps.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

namespace penstock::rtp {

/// How far `to` is after `from`, modulo 2^16: -32768 to 32767.
constexpr int32_t sequence_distance(uint16_t from, uint16_t to) {
    return static_cast<int16_t>(static_cast<uint16_t>(to - from));
}
/// How far `to` is after `from`, modulo 2^32; ticks.
constexpr int64_t timestamp_distance(uint32_t from, uint32_t to) {
    return static_cast<int32_t>(to - from);
}

/// Extends a number that wraps to 64 bits: each value is taken as the one nearest to the last. The
/// first stays as it is; values before it may become negative.
template <class Number>
class Unwrapper {
    static_assert(std::is_unsigned_v<Number>);

public:
    /// What unwrap() would return; changes nothing.
    int64_t peek(Number value) const {
        if (!last_) return value;
        const auto step = static_cast<Number>(value - static_cast<Number>(*last_));
        return *last_ + static_cast<std::make_signed_t<Number>>(step);
    }
    int64_t unwrap(Number value) {
        last_ = peek(value);
        return *last_;
    }
    /// The last result; empty before the first.
    const std::optional<int64_t> &last() const { return last_; }
    void reset() { last_.reset(); }

private:
    std::optional<int64_t> last_;
};

} // namespace penstock::rtp
