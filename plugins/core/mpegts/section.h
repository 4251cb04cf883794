// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts sections together: program tables, and splice information. ISO/IEC 13818-1 2.4.4.
#pragma once

#include "core/bytes/bytes.h"

#include <vector>

namespace penstock::mpegts {

/// The longest section: three bytes in front of a length of at most 4093.
inline constexpr size_t max_section = 4096;

/// Takes the payloads of one PID's packets in order. Not thread-safe.
class SectionReader {
public:
    /// Appends the sections that end in the payload, with their headers.
    void push(ByteView payload, bool starts_section, std::vector<std::vector<uint8_t>> &out);
    /// Packets are missing: forgets the section that has begun.
    void lose() {
        begun_ = false;
        section_.clear();
    }

private:
    void take(ByteView bytes, std::vector<std::vector<uint8_t>> &out);
    bool begun_ = false;
    std::vector<uint8_t> section_;
};

/// Whether a section of the long form is whole: its length, and its CRC-32.
bool is_whole_section(ByteView section);

} // namespace penstock::mpegts
