// SPDX-License-Identifier: LGPL-2.1-or-later
// Datagrams in a stream of TCP: each has its length before it, 16 bits (RFC 4571, section 2; RFC
// 6544, section 10.1). Not thread-safe.
#pragma once

#include "core/bytes/bytes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penstock::stun {

inline constexpr size_t frame_head = 2; ///< bytes

/// What is before a datagram of up to 65535 bytes.
inline std::array<uint8_t, frame_head> head_of_frame(size_t size) {
    return {static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
}
/// The size of the datagram behind a head, which `bytes` begins with.
inline size_t size_of_frame(ByteView bytes) {
    return size_t(bytes[0]) << 8 | bytes[1];
}

/// Takes a stream in pieces of any sizes.
class FrameReader {
public:
    /// `max_frame`: bytes that a datagram may have; as much is kept at most.
    explicit FrameReader(size_t max_frame) : max_frame_(max_frame) {}

    /// Calls `take(datagram)`, which returns whether to go on, for each that is complete; it may
    /// change the bytes. False: it does not go on, or a datagram is too long, and the rest can't
    /// be read.
    template <class Take>
    bool read(std::span<uint8_t> bytes, Take &&take) {
        while (!bytes.empty()) {
            if (rest_.empty() && has_frame(bytes)) {
                const size_t size = size_of_frame(bytes);
                if (size > max_frame_ || !take(bytes.subspan(frame_head, size))) return false;
                bytes = bytes.subspan(frame_head + size);
                continue;
            }
            const size_t wanted =
                frame_head + (rest_.size() < frame_head ? 0 : size_of_frame(rest_));
            const size_t more = std::min(bytes.size(), wanted - rest_.size());
            rest_.insert(rest_.end(), bytes.begin(), bytes.begin() + ptrdiff_t(more));
            bytes = bytes.subspan(more);
            if (rest_.size() >= frame_head && size_of_frame(rest_) > max_frame_) return false;
            if (!has_frame(rest_)) continue;
            const bool goes_on = take(std::span(rest_).subspan(frame_head));
            rest_.clear();
            if (!goes_on) return false;
        }
        return true;
    }

private:
    static bool has_frame(ByteView bytes) {
        return bytes.size() >= frame_head && bytes.size() - frame_head >= size_of_frame(bytes);
    }

    size_t max_frame_;
    std::vector<uint8_t> rest_; ///< of a datagram that is not complete
};

} // namespace penstock::stun
