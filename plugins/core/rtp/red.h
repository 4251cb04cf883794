// SPDX-License-Identifier: LGPL-2.1-or-later
// Redundant audio: a packet repeats the one before it, so that a single loss costs nothing. RFC
// 2198. Thread-safe.
#pragma once

#include "core/bytes/bytes.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace penstock::rtp {

struct RedBlock {
    uint8_t payload_type = 0; ///< 0 to 127
    uint32_t before = 0;      ///< ticks before the packet's timestamp; 0 of the last block
    ByteView payload;         ///< a view into what was parsed
};

/// The oldest first; the last is the packet's own.
struct RedBlocks {
    static constexpr size_t most = 8;
    std::array<RedBlock, most> blocks;
    size_t count = 0;
};

/// Empty: it is malformed, or has more blocks than RedBlocks::most.
std::optional<RedBlocks> parse_red(ByteView payload);

inline constexpr size_t red_head_size = 5;          ///< bytes, with one redundant block
inline constexpr uint32_t most_red_before = 0x3FFF; ///< ticks
inline constexpr size_t most_red_size = 0x3FF;      ///< bytes of the redundant block
/// What stands before a payload of `size` bytes and the packet's own, both of this payload type.
/// `before` and `size` are at most the above.
std::array<uint8_t, red_head_size> red_head(uint8_t payload_type, uint32_t before, size_t size);

} // namespace penstock::rtp
