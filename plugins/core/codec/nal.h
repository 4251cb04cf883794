// SPDX-License-Identifier: LGPL-2.1-or-later
// What a frame's NAL units are, from their first bytes: where they end, whether a decoder can begin
// here. ITU-T H.264 7.3.1 and 7.4.1, H.265 7.3.1, H.266 7.3.1; D.2.8 for recovery points.
#pragma once

#include "core/bytes/bytes.h"

#include <vector>

namespace penstock::codec {

/// The codecs whose frames consist of NAL units.
enum class NalCodec : uint8_t { avc, hevc, vvc };

enum class NalKind : uint8_t {
    slice, ///< of a picture that needs others
    entry, ///< a slice of an IDR picture (H.265 and H.266: of any IRAP picture, GDR included)
    sei,   ///< in front of the slices
    vps,
    sps,
    pps,
    delimiter, ///< an access unit delimiter
    filler,
    other,
};
/// `unit` is not empty.
NalKind nal_kind(NalCodec codec, ByteView unit);

/// What scan_nals() found out.
struct NalScan {
    size_t whole = 0;         ///< bytes up to the end of the last whole unit
    size_t units = 0;         ///< whole units that are not empty
    bool empty = false;       ///< there are units of length 0
    bool start_codes = false; ///< a unit begins with a start code
    bool slices = false;
    bool entry = false;          ///< there are slices of kind `entry`
    bool begins_picture = false; ///< there is the first slice of a picture
    bool sets = false;           ///< there are parameter sets
    bool sei = false;
};
/// Walks over units with length prefixes of `length_size` bytes (1 to 4). Reads the lengths and
/// two or three bytes of each unit. Never fails: `whole` says how far the lengths make sense.
NalScan scan_nals(NalCodec codec, ByteView frame, unsigned length_size);
/// Adds a unit, which is not empty, to what the scan found.
void note_nal(NalCodec codec, ByteView unit, NalScan &scan);

/// True if the bytes begin with an Annex B start code of three or more bytes.
bool begins_with_start_code(ByteView bytes);

/// True if an SEI unit in front of the frame's slices has a recovery point (H.264 and H.265):
/// decoding may begin here, though the picture may be complete some frames later only. Reads at
/// most 4096 bytes of each unit.
bool has_recovery_point(NalCodec codec, ByteView frame, unsigned length_size);

/// True if all slices of an H.264 frame are of type I or SI. Other codecs' slices don't say so
/// without their parameter sets.
bool has_only_intra_slices(ByteView avc_frame, unsigned length_size);

/// The unit without its emulation prevention bytes (H.264 7.4.1.1).
std::vector<uint8_t> unescape(ByteView unit);

/// The number by which slices refer to an H.264 or H.265 picture parameter set; 256 if the unit is
/// broken.
unsigned pps_id(NalCodec codec, ByteView pps);

/// The units of a frame in either framing, for frames that have to be rewritten. Units with length
/// prefixes that begin with a start code are taken apart.
std::vector<ByteView> split_annexb(ByteView frame);
std::vector<ByteView> split_lengths(ByteView frame, unsigned length_size);

} // namespace penstock::codec
