// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/chunk_writer.h"

#include <algorithm>

namespace penstock::rtmp {
namespace {

constexpr uint32_t extended_mark = 0xFFFFFF;

} // namespace

void write_first_header(Writer &out, uint8_t chunk_stream, uint8_t type, uint32_t timestamp,
                        uint32_t length, uint32_t stream_id) {
    out.u8(chunk_stream).u24(std::min(timestamp, extended_mark)).u24(length).u8(type);
    out.u32_le(stream_id);
    if (timestamp >= extended_mark) out.u32(timestamp);
}

void write_next_header(Writer &out, uint8_t chunk_stream, uint32_t timestamp) {
    out.u8(0xC0 | chunk_stream);
    if (timestamp >= extended_mark) out.u32(timestamp);
}

void write_message(Writer &out, uint8_t chunk_stream, uint8_t type, uint32_t timestamp,
                   uint32_t stream_id, ByteView body, uint32_t chunk_size) {
    write_first_header(out, chunk_stream, type, timestamp, static_cast<uint32_t>(body.size()),
                       stream_id);
    while (body.size() > chunk_size) {
        out.bytes(body.first(chunk_size));
        body = body.subspan(chunk_size);
        write_next_header(out, chunk_stream, timestamp);
    }
    out.bytes(body);
}

} // namespace penstock::rtmp
