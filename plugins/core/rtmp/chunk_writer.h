// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts messages into RTMP chunks. Adobe RTMP specification 1.0, section 5.3.1.
#pragma once

#include "core/bytes/writer.h"

namespace penstock::rtmp {

/// Appends a chunk header of format 0: 12 bytes, or 16 from timestamp 0xFFFFFF (ms) on.
/// `chunk_stream` 2 to 63; `length` of the message in bytes, at most 0xFFFFFF.
void write_first_header(Writer &out, uint8_t chunk_stream, uint8_t type, uint32_t timestamp,
                        uint32_t length, uint32_t stream_id);
/// Appends the header of every further chunk of that message: format 3, 1 or 5 bytes.
void write_next_header(Writer &out, uint8_t chunk_stream, uint32_t timestamp);
/// Appends a whole message in chunks of `chunk_size` bytes (1 or more).
void write_message(Writer &out, uint8_t chunk_stream, uint8_t type, uint32_t timestamp,
                   uint32_t stream_id, ByteView body, uint32_t chunk_size);

} // namespace penstock::rtmp
