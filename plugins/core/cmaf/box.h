// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes ISO base media file format boxes. ISO/IEC 14496-12, 4.2.
#pragma once

#include "core/bytes/writer.h"

namespace penstock::cmaf {

/// A box: the header is written on construction, its size on destruction. What is written between
/// is its content, further boxes included.
class Box {
public:
    Box(Writer &writer, std::string_view type) : writer_(writer), begin_(writer.size()) {
        writer_.u32(0).text(type);
    }
    /// A full box, with a version and 24 bits of flags.
    Box(Writer &writer, std::string_view type, uint8_t version, uint32_t flags)
        : Box(writer, type) {
        writer_.u8(version).u24(flags);
    }
    ~Box() { put_u32(writer_, begin_, writer_.size() - begin_); }
    Box(const Box &) = delete;
    Box &operator=(const Box &) = delete;

    /// Replaces four bytes that were written earlier.
    static void put_u32(Writer &writer, size_t position, uint64_t value) {
        for (size_t i = 0; i < 4; ++i)
            writer.vector()[position + i] = static_cast<uint8_t>(value >> (24 - 8 * i));
    }

private:
    Writer &writer_;
    const size_t begin_;
};

} // namespace penstock::cmaf
