// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads SCTE 35 splice information: where a stream leaves its network for an advertisement, and
// where it comes back. ANSI/SCTE 35 2023, sections 9 and 10.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace penstock::scte35 {

/// Of splice times and durations: ticks of a second.
inline constexpr uint64_t clock_rate = 90'000;
/// Splice times are 33 bits wide and wrap.
inline constexpr uint64_t time_mask = (uint64_t(1) << 33) - 1;
/// Bytes of a section, its CRC included; the length field could say 4096.
inline constexpr size_t largest_section = 1024;

/// splice_command_type; other values are kept as they are.
enum class Command : uint8_t {
    null = 0x00,
    schedule = 0x04,
    insert = 0x05,
    time_signal = 0x06,
    bandwidth_reservation = 0x07,
    private_command = 0xFF,
};

/// segmentation_descriptor() (10.3.3).
struct Segmentation {
    uint32_t event_id = 0;
    bool is_cancelled = false;        ///< then the following have no meaning
    uint8_t type = 0;                 ///< segmentation_type_id
    std::optional<uint64_t> duration; ///< ticks

    /// Whether it begins, or ends, a time that may be replaced: a break, or an advertisement.
    bool is_out() const;
    bool is_in() const;
};

/// splice_info_section() (9.6).
struct Section {
    Command command = Command::null;
    /// Ticks, with pts_adjustment; empty: at once, or the command has none.
    std::optional<uint64_t> time;

    // Of splice_insert() (9.7.3).
    uint32_t event_id = 0;
    bool is_cancelled = false; ///< then the following have no meaning
    bool is_out = false;       ///< out_of_network_indicator
    bool auto_return = false;  ///< the break ends after its duration, without another command
    std::optional<uint64_t> duration; ///< ticks

    std::vector<Segmentation> segmentations;
};

/// Parses one section, from its table_id to its CRC; bytes after it are ignored. Errors: another
/// table, a wrong length or CRC, an encrypted section, one above `largest_section`.
Result parse(ByteView bytes, Section &section);

} // namespace penstock::scte35
