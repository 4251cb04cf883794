// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtp/red.h"

#include "core/bytes/reader.h"

namespace penstock::rtp {

std::optional<RedBlocks> parse_red(ByteView payload) {
    RedBlocks out;
    std::array<size_t, RedBlocks::most> sizes{};
    Reader reader(payload);
    for (bool is_last = false; !is_last;) {
        if (out.count == RedBlocks::most) return std::nullopt;
        RedBlock &block = out.blocks[out.count];
        const uint8_t first = reader.u8();
        is_last = (first & 0x80) == 0;
        block.payload_type = first & 0x7F;
        if (!is_last) {
            const uint32_t rest = reader.u24(); // 14 bits of time, 10 of length
            block.before = rest >> 10;
            sizes[out.count] = rest & most_red_size;
        }
        if (reader.failed()) return std::nullopt;
        ++out.count;
    }
    for (size_t i = 0; i + 1 < out.count; ++i)
        out.blocks[i].payload = reader.take(sizes[i]);
    if (reader.failed()) return std::nullopt;
    out.blocks[out.count - 1].payload = reader.rest();
    return out;
}

std::array<uint8_t, red_head_size> red_head(uint8_t payload_type, uint32_t before, size_t size) {
    const auto rest = static_cast<uint32_t>(before << 10 | size);
    return {static_cast<uint8_t>(0x80 | payload_type), static_cast<uint8_t>(rest >> 16),
            static_cast<uint8_t>(rest >> 8), static_cast<uint8_t>(rest), payload_type};
}

} // namespace penstock::rtp
