// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses NAL unit headers. The data come from the network; nothing is read beyond a unit.
#include "core/codec/nal.h"

#include "core/codec/avc.h"
#include "core/codec/bits.h"

#include <algorithm>

namespace penstock::codec {
namespace {

constexpr size_t max_sei = 4096; // examined bytes
constexpr uint32_t recovery_point = 6;

NalKind avc_kind(uint8_t type) {
    switch (type) {
    case avc_slice:
    case 2: // data partition A
        return NalKind::slice;
    case avc_idr:
        return NalKind::entry;
    case avc_sei:
        return NalKind::sei;
    case avc_sps:
        return NalKind::sps;
    case avc_pps:
        return NalKind::pps;
    case avc_aud:
        return NalKind::delimiter;
    case avc_filler:
        return NalKind::filler;
    default:
        return NalKind::other;
    }
}

// H.265 table 7-1.
NalKind hevc_kind(uint8_t type) {
    if (type < 32) return type >= 16 && type <= 23 ? NalKind::entry : NalKind::slice;
    switch (type) {
    case 32:
        return NalKind::vps;
    case 33:
        return NalKind::sps;
    case 34:
        return NalKind::pps;
    case 35:
        return NalKind::delimiter;
    case 38:
        return NalKind::filler;
    case 39:
        return NalKind::sei;
    default:
        return NalKind::other;
    }
}

// H.266 table 5.
NalKind vvc_kind(uint8_t type) {
    if (type < 12) return type >= 7 && type <= 10 ? NalKind::entry : NalKind::slice;
    switch (type) {
    case 14:
        return NalKind::vps;
    case 15:
        return NalKind::sps;
    case 16:
        return NalKind::pps;
    case 20:
        return NalKind::delimiter;
    case 23:
        return NalKind::sei;
    case 25:
        return NalKind::filler;
    default:
        return NalKind::other;
    }
}

// Iterates over bytes with emulation prevention removed.
class RawBytes {
public:
    explicit RawBytes(ByteView unit) : unit_(unit.first(std::min(unit.size(), max_sei))) {}
    bool next(uint8_t &byte) {
        if (position_ < unit_.size() && zeros_ >= 2 && unit_[position_] == 3) {
            zeros_ = 0;
            ++position_;
        }
        if (position_ >= unit_.size()) return false;
        byte = unit_[position_++];
        zeros_ = byte == 0 ? zeros_ + 1 : 0;
        return true;
    }
    // A number as in H.264 7.3.2.3.1: bytes of 255, then the remainder.
    bool number(uint32_t &value) {
        value = 0;
        for (uint8_t byte = 255; byte == 255;) {
            if (!next(byte)) return false;
            value += byte;
        }
        return true;
    }
    // No fewer than the bytes that next() will return.
    size_t remaining() const { return unit_.size() - position_; }
    bool skip(uint32_t count) {
        uint8_t byte;
        while (count-- > 0)
            if (!next(byte)) return false;
        return true;
    }

private:
    ByteView unit_;
    size_t position_ = 0;
    unsigned zeros_ = 0;
};

size_t header_size(NalCodec codec) {
    return codec == NalCodec::avc ? 1 : 2;
}

// Whether a slice is the first of its picture: H.264 tells it by first_mb_in_slice, H.265 by a
// flag. H.266 slices start differently, so each counts as a first one.
bool is_first_slice(NalCodec codec, ByteView unit) {
    if (codec == NalCodec::vvc) return true;
    const size_t at = header_size(codec);
    return unit.size() > at && (unit[at] & 0x80) != 0;
}

bool tells_recovery_point(NalCodec codec, ByteView sei) {
    if (codec == NalCodec::vvc) return false;
    RawBytes raw(sei);
    uint32_t type = 0, size = 0;
    if (!raw.skip(static_cast<uint32_t>(header_size(codec)))) return false;
    while (raw.number(type) && raw.number(size)) {
        if (type == recovery_point) return size > 0;
        // Another message needs two bytes. Long messages for applications are often the last.
        if (size + 2 > raw.remaining() || !raw.skip(size)) return false;
    }
    return false;
}

bool is_intra_slice(ByteView avc_slice) {
    // Two numbers; emulation prevention affects them only for a first_mb_in_slice above 2^15.
    BitReader r(avc_slice.subspan(1, std::min<size_t>(avc_slice.size() - 1, 16)));
    r.ue(); // first_mb_in_slice
    const uint32_t type = r.ue();
    return !r.failed() && type < 10 && (type % 5 == 2 || type % 5 == 4);
}

bool is_start_code(ByteView b) {
    return b.size() > 3 && b[0] == 0 && b[1] == 0 && (b[2] == 1 || (b[2] == 0 && b[3] == 1));
}

} // namespace

NalKind nal_kind(NalCodec codec, ByteView unit) {
    switch (codec) {
    case NalCodec::avc:
        return avc_kind(unit[0] & 0x1F);
    case NalCodec::hevc:
        return hevc_kind(unit[0] >> 1 & 0x3F);
    case NalCodec::vvc:
        break;
    }
    return unit.size() < 2 ? NalKind::other : vvc_kind(unit[1] >> 3);
}

void note_nal(NalCodec codec, ByteView unit, NalScan &scan) {
    ++scan.units;
    switch (nal_kind(codec, unit)) {
    case NalKind::entry:
        scan.entry = true;
        [[fallthrough]];
    case NalKind::slice:
        scan.slices = true;
        scan.begins_picture = scan.begins_picture || is_first_slice(codec, unit);
        break;
    case NalKind::sei:
        scan.sei = true;
        break;
    case NalKind::vps:
    case NalKind::sps:
    case NalKind::pps:
        scan.sets = true;
        break;
    default:
        break;
    }
    // No NAL unit starts with two zero bytes.
    if (unit[0] == 0 && is_start_code(unit)) scan.start_codes = true;
}

NalScan scan_nals(NalCodec codec, ByteView frame, unsigned length_size) {
    NalScan scan;
    for (size_t at = 0; frame.size() - at >= length_size;) {
        size_t length = 0;
        for (unsigned i = 0; i < length_size; ++i)
            length = length << 8 | frame[at + i];
        at += length_size;
        if (length > frame.size() - at) break;
        if (length == 0)
            scan.empty = true;
        else
            note_nal(codec, frame.subspan(at, length), scan);
        at += length;
        scan.whole = at;
    }
    return scan;
}

bool begins_with_start_code(ByteView bytes) {
    size_t zeros = 0;
    while (zeros < bytes.size() && zeros < 16 && bytes[zeros] == 0)
        ++zeros;
    return zeros >= 2 && zeros < bytes.size() && bytes[zeros] == 1;
}

bool has_recovery_point(NalCodec codec, ByteView frame, unsigned length_size) {
    AvccReader reader(frame, length_size);
    for (ByteView unit; reader.next(unit);) {
        const NalKind kind = nal_kind(codec, unit);
        if (kind == NalKind::slice || kind == NalKind::entry) return false;
        if (kind == NalKind::sei && tells_recovery_point(codec, unit)) return true;
    }
    return false;
}

bool has_only_intra_slices(ByteView avc_frame, unsigned length_size) {
    bool any = false;
    AvccReader reader(avc_frame, length_size);
    for (ByteView unit; reader.next(unit);) {
        const NalKind kind = nal_kind(NalCodec::avc, unit);
        if (kind != NalKind::slice && kind != NalKind::entry) continue;
        if (!is_intra_slice(unit)) return false;
        any = true;
    }
    return any;
}

bool has_recovery_point(NalCodec codec, std::span<const ByteView> units) {
    for (const ByteView unit : units) {
        const NalKind kind = nal_kind(codec, unit);
        if (kind == NalKind::slice || kind == NalKind::entry) return false;
        if (kind == NalKind::sei && tells_recovery_point(codec, unit)) return true;
    }
    return false;
}

bool has_only_intra_slices(std::span<const ByteView> avc_units) {
    bool any = false;
    for (const ByteView unit : avc_units) {
        const NalKind kind = nal_kind(NalCodec::avc, unit);
        if (kind != NalKind::slice && kind != NalKind::entry) continue;
        if (!is_intra_slice(unit)) return false;
        any = true;
    }
    return any;
}

std::vector<uint8_t> unescape(ByteView unit) {
    std::vector<uint8_t> out;
    out.reserve(unit.size());
    unsigned zeros = 0;
    for (const uint8_t byte : unit) {
        if (zeros >= 2 && byte == 3) {
            zeros = 0;
            continue;
        }
        zeros = byte == 0 ? zeros + 1 : 0;
        out.push_back(byte);
    }
    return out;
}

unsigned pps_id(NalCodec codec, ByteView pps) {
    const size_t at = header_size(codec);
    if (pps.size() <= at) return 256;
    BitReader r(pps.subspan(at, std::min<size_t>(pps.size() - at, 4)));
    const uint32_t id = r.ue();
    return r.failed() || id > 255 ? 256 : id;
}

std::vector<ByteView> split_annexb(ByteView frame) {
    std::vector<ByteView> units;
    AnnexBReader reader(frame);
    for (ByteView unit; reader.next(unit);)
        units.push_back(unit);
    return units;
}

std::vector<ByteView> split_lengths(ByteView frame, unsigned length_size) {
    std::vector<ByteView> units;
    AvccReader reader(frame, length_size);
    for (ByteView unit; reader.next(unit);) {
        if (!is_start_code(unit)) {
            units.push_back(unit);
            continue;
        }
        const std::vector<ByteView> inner = split_annexb(unit);
        units.insert(units.end(), inner.begin(), inner.end());
    }
    return units;
}

} // namespace penstock::codec
