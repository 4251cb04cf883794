// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/packet.h"

#include <charconv>

namespace penstock::fanout {

ByteView Packet::chunk_tail() {
    static constexpr uint8_t crlf[] = {'\r', '\n'};
    return crlf;
}

void Packet::seal(bool framed) {
    size = 0;
    for (const ByteView piece : pieces)
        size += piece.size();
    if (!framed || size == 0) return;

    char *const text = reinterpret_cast<char *>(chunk_head_.data());
    char *end = std::to_chars(text, text + 16, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    chunk_head_size_ = static_cast<uint8_t>(end - text);

    frame_head_[0] = 0x82; // final, binary
    const unsigned length_size = size < 126 ? 0 : size <= 0xFFFF ? 2 : 8;
    frame_head_[1] = static_cast<uint8_t>(length_size == 0 ? size : length_size == 2 ? 126 : 127);
    for (unsigned i = 0; i < length_size; ++i)
        frame_head_[2 + i] = static_cast<uint8_t>(uint64_t(size) >> 8 * (length_size - 1 - i));
    frame_head_size_ = static_cast<uint8_t>(2 + length_size);
}

const PacketPtr &form_for(const PacketPtr &packet, uint8_t takes) {
    static const PacketPtr nothing = std::make_shared<Packet>();
    if ((packet->needs & ~takes) == 0) return packet;
    return packet->plain && (packet->plain->needs & ~takes) == 0 ? packet->plain : nothing;
}

PacketPtr plain_packet(Bytes bytes, bool framed) {
    auto packet = new_packet();
    packet->payload = std::move(bytes);
    packet->pieces.emplace_back(packet->payload.view());
    packet->seal(framed);
    return packet;
}

} // namespace penstock::fanout
