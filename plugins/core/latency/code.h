// SPDX-License-Identifier: LGPL-2.1-or-later
// The machine-readable stamp in a frame: its content and its cells.
//
// The code, version 1. Cells are dark (1) or light (0) in luma alone; chroma is neutral. A cell
// is square when it is drawn; a reader takes any width and height. With q = quiet zone (light):
//
//   column   q | 0 1 2 |  3 |  4 |  5 | 6 … 25 | 26 | 27 | 28 | 29 30 | q
//   cells      |  dark | li | da | li |  data  | li | da | li |  dark |
//              '------ start ---------'        '------- stop ---------'
//   rows     q, then 10 alike for start and stop, then q
//
// Each horizontal line through the rows thus has the bars dark 3, light 1, dark 1 at the left and
// dark 1, light 1, dark 2 at the right, and the outer edges are 31 cells apart. The ends of the
// outer bars mark top and bottom. The quiet zone is one cell wide.
//
// The 20 × 10 data cells are 25 blocks of 4 × 2 cells, block b at column 4 (b mod 5), row 2 (b /
// 5). A block is a byte of the masked codeword: the upper row holds its high four bits, the lower
// row its low four bits, the highest bit first. Local damage thus affects few bytes.
//
// The codeword has 25 bytes, big endian, the highest bit first:
//
//   bits     what
//   4        version: 1
//   52       UTC in microseconds since 1970-01-01, without leap seconds
//   32       frame number; wraps to 0
//   16       source id
//   32       CRC-32 of the 13 bytes above (IEEE 802.3, like zlib: reflected 0xEDB88320)
//   64       Reed-Solomon parity (reed_solomon.h): up to 4 wrong bytes are corrected
//
// Byte i is masked with (167 i + 85) mod 256 (exclusive or), so that zeros do not give a uniform
// area.
//
// A reader accepts a code only if at most 4 bytes were corrected, the CRC and version are right and
// the time is between 2020 and 2100. Otherwise it reports nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace penstock::latency {

struct Stamp {
    int64_t time = 0;    ///< UTC, microseconds since 1970
    uint32_t frame = 0;  ///< frame number; wraps to 0
    uint16_t source = 0; ///< identifies the stamping element
    bool operator==(const Stamp &) const = default;
};

/// Geometry in cells.
namespace cells {
constexpr int start = 6, columns = 20, stop = 5, rows = 10, quiet = 1;
constexpr int width = start + columns + stop; ///< excludes the quiet zone
constexpr int full_width = width + 2 * quiet, full_height = rows + 2 * quiet;
} // namespace cells

/// Times that a reader accepts: 2020-01-01 to 2100-01-01; µs since 1970.
constexpr int64_t earliest_time = 1'577'836'800'000'000, latest_time = 4'102'444'800'000'000;

constexpr size_t codeword_size = 25, parity_size = 8;
/// The masked codeword, as drawn.
using Codeword = std::array<uint8_t, codeword_size>;

/// `stamp.time` must be within the bounds above, otherwise readers reject it.
Codeword encode(const Stamp &stamp);
/// Returns nullopt if the damage can't be corrected or the content is not plausible.
std::optional<Stamp> decode(const Codeword &word);

/// Whether a cell is dark. `column` 0 to 30, `row` 0 to 9, excluding the quiet zone.
bool is_dark(const Codeword &word, int column, int row);
/// The position in a codeword of the data cell at `column` (0 to 19) and `row` (0 to 9).
struct Bit {
    size_t byte;
    uint8_t mask;
};
Bit bit_of(int column, int row);

} // namespace penstock::latency
