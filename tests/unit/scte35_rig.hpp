// SPDX-License-Identifier: LGPL-2.1-or-later
// Splice sections: the samples of ANSI/SCTE 35 (section 14), and a writer of others.
#pragma once

#include "core/bytes/writer.h"
#include "core/mpegts/muxer.h"

#include <optional>
#include <string_view>
#include <vector>

namespace rig {

using penstock::Bytes;
using penstock::Writer;

inline Bytes from_hex(std::string_view text) {
    std::vector<uint8_t> bytes;
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(static_cast<uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
    return Bytes::adopt(std::move(bytes));
}

/// 14.1, 14.2 and 14.3: a placement opportunity begins, a splice out, the opportunity ends.
inline constexpr std::string_view opportunity_start =
    "fc3034000000000000fffff00506fe72bd0050001e021c435545494800008e7fcf0001a599b00808000000002ca0"
    "a18a3402009ac9d17e";
inline constexpr std::string_view splice_insert =
    "fc302f000000000000fffff014054800008f7feffe7369c02efe0052ccf500000000000a00084355454900000135"
    "62dba30a";
inline constexpr std::string_view opportunity_end =
    "fc302f000000000000fffff00506fe746290a000190217435545494800008e7f9f0808000000002ca0a18a350200"
    "a9cc6758";
/// 14.4: a program ends and another one begins.
inline constexpr std::string_view program_change =
    "fc3048000000000000fffff00506fe7a4d88b60032021743554549480000187f9f0808000000002ccbc344110000"
    "021743554549480000197f9f0808000000002ca4dba01000009972e343";

/// A section of a splice_insert() command.
struct Insert {
    uint32_t event = 1;
    bool is_out = true, is_cancelled = false, auto_return = false;
    std::optional<uint64_t> time, duration; ///< ticks
    uint64_t adjustment = 0;
};

inline Bytes section_of(uint8_t command, const std::vector<uint8_t> &content,
                        uint64_t adjustment = 0) {
    Writer w;
    w.u8(0xFC).u16(0x3000 | (17 + content.size())).u8(0);
    w.u8(adjustment >> 32 & 1).u32(adjustment).u8(0);
    w.u24(0xFFF000 | content.size()).u8(command).bytes(content).u16(0);
    w.u32(penstock::mpegts::crc32(w.view()));
    return Bytes::adopt(w.take());
}

inline Bytes section_of(const Insert &insert) {
    Writer w;
    w.u32(insert.event).u8(insert.is_cancelled ? 0xFF : 0x7F);
    if (!insert.is_cancelled) {
        w.u8((insert.is_out ? 0x80 : 0) | 0x40 | (insert.duration ? 0x20 : 0) |
             (insert.time ? 0 : 0x10) | 0x0F);
        if (insert.time) w.u8(0xFE | (*insert.time >> 32 & 1)).u32(*insert.time);
        if (insert.duration)
            w.u8((insert.auto_return ? 0xFE : 0x7E) | (*insert.duration >> 32 & 1))
                .u32(*insert.duration);
        w.u16(0).u8(0).u8(0);
    }
    return section_of(0x05, w.take(), insert.adjustment);
}

} // namespace rig
