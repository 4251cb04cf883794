// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the tables that say which programs there are (PAT) and what is in one (PMT). ISO/IEC
// 13818-1 2.4.4; ETSI EN 300 468 6.2 and annex D; ATSC A/52 annex A; SCTE 35 8.1; SMPTE RP 217.
#pragma once

#include "core/bytes/result.h"
#include "core/mpegts/program.h"

namespace penstock::mpegts {

/// More programs and streams than these are left out.
inline constexpr size_t max_programs = 64, max_streams = 32;

/// A section of the program association table.
struct PatSection {
    uint16_t transport_stream_id = 0;
    uint8_t version = 0, number = 0, last = 0;
    std::vector<Program> programs; ///< number and pmt_pid
    bool operator==(const PatSection &) const = default;
};

/// Errors: another table, a wrong CRC, one that applies later.
Result parse_pat(ByteView section, PatSection &pat);

struct PmtSection {
    uint8_t version = 0;
    Program program;     ///< without pmt_pid
    size_t left_out = 0; ///< streams beyond max_streams
};

/// Errors: as of parse_pat(), and lengths that do not fit.
Result parse_pmt(ByteView section, PmtSection &pmt);

} // namespace penstock::mpegts
