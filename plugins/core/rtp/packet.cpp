// SPDX-License-Identifier: LGPL-2.1-or-later
// The RTP header, both ways.
#include "core/rtp/packet.h"

#include "core/bytes/reader.h"

#include <algorithm>

namespace penstock::rtp {
namespace {

constexpr uint8_t version = 2;

void put16(uint8_t *at, uint32_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value);
}

bool is_writable(const Packet &packet) {
    if (packet.csrcs.size() % 4 != 0 || packet.csrc_count() > max_csrcs) return false;
    if (!packet.extension) return true;
    const size_t size = packet.extension->data.size();
    return size % 4 == 0 && size / 4 <= 0xFFFF;
}

} // namespace

uint32_t Packet::csrc(size_t index) const {
    return Reader(csrcs.subspan(index * 4, 4)).u32();
}

Result parse(ByteView datagram, Packet &packet) {
    packet = Packet();
    Reader in(datagram);
    const uint8_t first = in.u8(), second = in.u8();
    Packet out;
    out.marker = second & 0x80;
    out.payload_type = second & 0x7F;
    out.sequence = in.u16();
    out.timestamp = in.u32();
    out.ssrc = in.u32();
    out.csrcs = in.take(size_t(first & 0x0F) * 4);
    if (in.failed()) return Result::error("an RTP header is cut off");
    if (first >> 6 != version) return Result::error("not RTP version 2");
    if (first & 0x10) {
        HeaderExtension extension;
        extension.profile = in.u16();
        extension.data = in.take(size_t(in.u16()) * 4);
        if (in.failed()) return Result::error("an RTP header extension is cut off");
        out.extension = extension;
    }
    out.payload = in.rest();
    if (first & 0x20) {
        const size_t size = out.payload.size();
        out.padding = size > 0 ? out.payload[size - 1] : 0;
        if (out.padding == 0 || out.padding > size)
            return Result::error("RTP padding is longer than the packet");
        out.payload = out.payload.first(size - out.padding);
    }
    packet = out;
    return Result::ok();
}

size_t header_size(const Packet &packet) {
    return fixed_header_size + packet.csrcs.size() +
           (packet.extension ? 4 + packet.extension->data.size() : 0);
}

size_t write_header(const Packet &packet, std::span<uint8_t> out) {
    const size_t size = header_size(packet);
    if (!is_writable(packet) || out.size() < size) return 0;
    uint8_t *at = out.data();
    at[0] = static_cast<uint8_t>(version << 6 | (packet.padding ? 0x20 : 0) |
                                 (packet.extension ? 0x10 : 0) | packet.csrc_count());
    at[1] = static_cast<uint8_t>((packet.marker ? 0x80 : 0) | (packet.payload_type & 0x7F));
    put16(at + 2, packet.sequence);
    put32(at + 4, packet.timestamp);
    put32(at + 8, packet.ssrc);
    at = std::copy(packet.csrcs.begin(), packet.csrcs.end(), at + fixed_header_size);
    if (packet.extension) {
        put16(at, packet.extension->profile);
        put16(at + 2, static_cast<uint32_t>(packet.extension->data.size() / 4));
        std::copy(packet.extension->data.begin(), packet.extension->data.end(), at + 4);
    }
    return size;
}

bool write(const Packet &packet, Writer &out) {
    if (!is_writable(packet)) return false;
    std::vector<uint8_t> &bytes = out.vector();
    const size_t begin = bytes.size();
    bytes.resize(begin + header_size(packet));
    write_header(packet, std::span(bytes).subspan(begin));
    out.bytes(packet.payload);
    if (packet.padding > 0) {
        bytes.insert(bytes.end(), packet.padding - 1u, 0);
        bytes.push_back(packet.padding);
    }
    return true;
}

} // namespace penstock::rtp
