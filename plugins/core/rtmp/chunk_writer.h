// SPDX-License-Identifier: LGPL-2.1-or-later
// Splits messages into RTMP chunks. Adobe RTMP specification 1.0, section 5.3.1.
#pragma once

#include "core/bytes/writer.h"

namespace penstock::rtmp {

/// Appends a chunk header of format 0: 12 bytes, or 16 for timestamps (ms) from 0xFFFFFF on.
/// `chunk_stream` is 2 to 63; `length` is the message's size in bytes, at most 0xFFFFFF.
void write_first_header(Writer &out, uint8_t chunk_stream, uint8_t type, uint32_t timestamp,
                        uint32_t length, uint32_t stream_id);
/// Appends the header of a further chunk of that message: format 3, 1 or 5 bytes.
void write_next_header(Writer &out, uint8_t chunk_stream, uint32_t timestamp);
/// Appends a complete message in chunks of `chunk_size` bytes (at least 1).
void write_message(Writer &out, uint8_t chunk_stream, uint8_t type, uint32_t timestamp,
                   uint32_t stream_id, ByteView body, uint32_t chunk_size);

} // namespace penstock::rtmp
