// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the headers of RFC 2435 and writes those of JPEG (ITU-T T.81, annex B) in front of the
// data.
#include "core/rtp/payload/jpeg.h"

#include "core/bytes/writer.h"

#include <span>

namespace penstock::rtp::payload {
namespace {

constexpr uint8_t restart_bit = 64, first_told = 128, told_each_time = 255;
constexpr uint8_t soi = 0xD8, eoi = 0xD9, dqt = 0xDB, sof0 = 0xC0, dht = 0xC4, dri = 0xDD,
                  sos = 0xDA;

/// The tables of T.81, annex K.1, in zigzag order, from which RFC 2435 4.2 makes those of Q 1 to
/// 99.
constexpr uint8_t base_luma[64] = {16,  11, 12, 14,  12,  10,  16,  14,  13, 14,  18,  17,  16,
                                   19,  24, 40, 26,  24,  22,  22,  24,  49, 35,  37,  29,  40,
                                   58,  51, 61, 60,  57,  51,  56,  55,  64, 72,  92,  78,  64,
                                   68,  87, 69, 55,  56,  80,  109, 81,  87, 95,  98,  103, 104,
                                   103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99};
constexpr uint8_t base_chroma[64] = {
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

/// Huffman tables of T.81, annex K.3: how many codes have each length, then their symbols.
constexpr uint8_t dc_luma[] = {0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0,  0,
                               0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
constexpr uint8_t dc_chroma[] = {0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0,  0,
                                 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
constexpr uint8_t ac_luma[] = {
    0,    2,    1,    3,    3,    2,    4,    3,    5,    5,    4,    4,    0,    0,    1,
    0x7d, 0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51,
    0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15,
    0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a,
    0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44,
    0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63,
    0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
    0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
    0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5,
    0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2,
    0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7,
    0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa};
constexpr uint8_t ac_chroma[] = {
    0,    2,    1,    2,    4,    4,    3,    4,    7,    5,    4,    4,    0,    1,    2,
    0x77, 0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07,
    0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23,
    0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17,
    0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43,
    0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a,
    0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79,
    0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3,
    0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9,
    0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6,
    0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa};

/// What is told in pixels, if that is the same in blocks.
unsigned exact(unsigned told, unsigned in_blocks) {
    constexpr unsigned block = 8;
    return (told + block - 1) / block * block == in_blocks ? told : in_blocks;
}

Writer &marker(Writer &w, uint8_t code) {
    return w.u8(0xFF).u8(code);
}

void write_quantization(Writer &w, ByteView tables) {
    for (uint8_t id = 0; id < 2; ++id)
        marker(w, dqt).u16(3 + 64).u8(id).bytes(tables.subspan(id * size_t(64), 64));
}

void write_huffman(Writer &w, uint8_t id, std::span<const uint8_t> table) {
    marker(w, dht).u16(static_cast<uint16_t>(3 + table.size())).u8(id);
    w.bytes(ByteView(table.data(), table.size()));
}

/// Baseline with three components, of which only the first is sampled more finely: 4:2:2 (type 0)
/// or 4:2:0.
void write_frame(Writer &w, uint8_t type, unsigned width, unsigned height) {
    marker(w, sof0).u16(17).u8(8).u16(static_cast<uint16_t>(height));
    w.u16(static_cast<uint16_t>(width)).u8(3);
    w.u8(1).u8(type == 0 ? 0x21 : 0x22).u8(0);
    w.u8(2).u8(0x11).u8(1);
    w.u8(3).u8(0x11).u8(1);
}

void write_scan(Writer &w) {
    marker(w, sos).u16(12).u8(3);
    w.u8(1).u8(0).u8(2).u8(0x11).u8(3).u8(0x11);
    w.u8(0).u8(63).u8(0);
}

} // namespace

/// RFC 2435 3.1.8 and 4.2.
std::optional<JpegDepacketizer::Tables> JpegDepacketizer::tables_of(uint8_t q, Reader &r) {
    Tables out;
    if (q < first_told) {
        if (q == 0 || q > 99) return std::nullopt;
        const unsigned factor = q < 50 ? 5000u / q : 200u - 2u * q;
        for (size_t i = 0; i < table_size; ++i) {
            const auto scaled = [factor](uint8_t base) {
                return static_cast<uint8_t>(std::clamp((base * factor + 50) / 100, 1u, 255u));
            };
            out[i] = scaled(base_luma[i]);
            out[table_size + i] = scaled(base_chroma[i]);
        }
        return out;
    }
    r.skip(1);
    const uint8_t precision = r.u8();
    const uint16_t size = r.u16();
    if (r.failed()) return std::nullopt;
    if (size == 0) return q == told_each_time ? std::nullopt : known_[q - first_told];
    const ByteView told = r.take(size);
    if (r.failed() || (precision & 3) != 0 || size < table_size) return std::nullopt;
    // Some cameras have a single table for all components.
    const ByteView second = size >= 2 * table_size ? told.subspan(table_size) : told;
    std::copy_n(told.begin(), table_size, out.begin());
    std::copy_n(second.begin(), table_size, out.begin() + table_size);
    if (q != told_each_time) known_[q - first_told] = out;
    return out;
}

Result JpegDepacketizer::begin_image(const Header &header, uint8_t q, Reader &r) {
    const auto tables = tables_of(q, r);
    if (!tables) return Result::error("JPEG without usable quantization tables");
    Writer w;
    marker(w, soi);
    write_quantization(w, *tables);
    write_frame(w, header.type, header.width, header.height);
    write_huffman(w, 0x00, dc_luma);
    write_huffman(w, 0x10, ac_luma);
    write_huffman(w, 0x01, dc_chroma);
    write_huffman(w, 0x11, ac_chroma);
    if (header.interval > 0) marker(w, dri).u16(4).u16(header.interval);
    write_scan(w);
    head_size_ = w.size();
    begin_seen_ = true;
    append(w.take());
    return Result::ok();
}

Result JpegDepacketizer::add(ByteView payload) {
    Reader r(payload);
    r.skip(1);
    const size_t offset = r.u24();
    const uint8_t type = r.u8(), q = r.u8();
    Header header;
    header.width = exact(width_, r.u8() * 8u);
    header.height = exact(height_, r.u8() * 8u);
    header.type = static_cast<uint8_t>(type & ~restart_bit);
    if (r.failed()) return Result::error("a JPEG payload that is cut short");
    if (type >= first_told || header.type > 1)
        return Result::error("JPEG of type " + std::to_string(type) + " is not supported");
    if (header.width == 0 || header.height == 0)
        return Result::error("JPEG of more than 2040 pixels is not supported");
    if (type & restart_bit) {
        header.interval = r.u16();
        r.skip(2);
        if (r.failed()) return Result::error("a JPEG payload that is cut short");
    }
    if (offset == 0 && bytes_.empty())
        if (Result result = begin_image(header, q, r); result.is_error()) return result;
    if (bytes_.empty() || bytes_.size() - head_size_ != offset) {
        damaged_ = true; // a fragment before this one was lost
        return Result::ok();
    }
    append(r.rest());
    return Result::ok();
}

bool JpegDepacketizer::finish(Frame &frame) {
    frame.keyframe = true;
    if (bytes_.size() <= head_size_) damaged_ = frame.damaged = true;
    const size_t size = bytes_.size();
    const bool ends = size >= 2 && bytes_[size - 2] == 0xFF && bytes_[size - 1] == eoi;
    if (!frame.damaged && !ends) bytes_.insert(bytes_.end(), {0xFF, eoi});
    head_size_ = 0;
    return true;
}

} // namespace penstock::rtp::payload
