// SPDX-License-Identifier: LGPL-2.1-or-later
// Classifies a frame's NAL units by their first bytes and finds entry points. ITU-T H.264 7.3.1 and
// 7.4.1, H.265 7.3.1, H.266 7.3.1; D.2.8 for recovery points.
#pragma once

#include "core/bytes/bytes.h"

#include <vector>

namespace penstock::codec {

/// The codecs whose frames consist of NAL units.
enum class NalCodec : uint8_t { avc, hevc, vvc };

enum class NalKind : uint8_t {
    slice, ///< of a picture that depends on others
    entry, ///< of an IDR picture (H.265 and H.266: of any IRAP picture, including GDR)
    sei,   ///< precedes the slices
    vps,
    sps,
    pps,
    delimiter, ///< an access unit delimiter
    filler,
    other,
};
/// `unit` must not be empty.
NalKind nal_kind(NalCodec codec, ByteView unit);

/// The result of scan_nals().
struct NalScan {
    size_t whole = 0;         ///< bytes up to the end of the last complete unit
    size_t units = 0;         ///< number of complete units that are not empty
    bool empty = false;       ///< there are empty units
    bool start_codes = false; ///< a unit begins with a start code
    bool slices = false;
    bool entry = false;          ///< there are slices of kind `entry`
    bool begins_picture = false; ///< contains the first slice of a picture
    bool sets = false;           ///< there are parameter sets
    bool sei = false;
};
/// Scans units with length prefixes of `length_size` bytes (1 to 4). Reads only the lengths and the
/// first two or three bytes of each unit. Never fails: `whole` tells how far the lengths are valid.
NalScan scan_nals(NalCodec codec, ByteView frame, unsigned length_size);
/// Adds a non-empty unit to a scan's result.
void note_nal(NalCodec codec, ByteView unit, NalScan &scan);

/// Whether the bytes start with an Annex B start code of three or more bytes.
bool begins_with_start_code(ByteView bytes);

/// Whether an SEI unit before the frame's slices contains a recovery point (H.264 and H.265): a
/// decoder can start here, although the picture may be complete only some frames later. Examines at
/// most 4096 bytes of each unit.
bool has_recovery_point(NalCodec codec, ByteView frame, unsigned length_size);
bool has_recovery_point(NalCodec codec, std::span<const ByteView> units);

/// Whether all slices of an H.264 frame are of type I or SI. Not possible for other codecs without
/// their parameter sets.
bool has_only_intra_slices(ByteView avc_frame, unsigned length_size);
bool has_only_intra_slices(std::span<const ByteView> avc_units);

/// Removes the unit's emulation prevention bytes (H.264 7.4.1.1).
std::vector<uint8_t> unescape(ByteView unit);

/// The id by which slices refer to an H.264 or H.265 picture parameter set; 256 if the unit is
/// invalid.
unsigned pps_id(NalCodec codec, ByteView pps);

/// Splits a frame in either framing into units, for frames that must be rewritten. Length-prefixed
/// units that begin with a start code are split further.
std::vector<ByteView> split_annexb(ByteView frame);
std::vector<ByteView> split_lengths(ByteView frame, unsigned length_size);

} // namespace penstock::codec
