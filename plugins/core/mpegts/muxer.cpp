// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes PES packets, program tables and transport stream packets.
#include "core/mpegts/muxer.h"

#include "core/bytes/writer.h"

#include <algorithm>
#include <cstring>

namespace penstock::mpegts {
namespace {

constexpr size_t header_size = 4;
constexpr size_t payload_max = packet_size - header_size;
constexpr uint16_t program_number = 1;
/// The metadata_pointer_descriptor (2.6.58) of ID3 up to its program number: tag, length, format of
/// the application ("ID3 "), format ("ID3 "), service 0, in this program.
constexpr uint8_t metadata_pointer[] = {0x25, 0x0F, 0xFF, 0xFF, 'I', 'D',  '3', ' ',
                                        0xFF, 'I',  'D',  '3',  ' ', 0x00, 0x1F};

constexpr std::array<uint32_t, 256> make_crc_table() {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
        uint32_t value = i << 24;
        for (int bit = 0; bit < 8; ++bit)
            value = value & 0x80000000 ? value << 1 ^ 0x04C11DB7 : value << 1;
        table[i] = value;
    }
    return table;
}
constexpr auto crc_table = make_crc_table();

void put_timestamp(uint8_t *out, uint8_t prefix, uint64_t value) {
    out[0] = static_cast<uint8_t>(prefix << 4 | (value >> 30 & 7) << 1 | 1);
    out[1] = static_cast<uint8_t>(value >> 22);
    out[2] = static_cast<uint8_t>((value >> 15 & 0x7F) << 1 | 1);
    out[3] = static_cast<uint8_t>(value >> 7);
    out[4] = static_cast<uint8_t>((value & 0x7F) << 1 | 1);
}

void put_pcr(uint8_t *out, uint64_t base) {
    out[0] = static_cast<uint8_t>(base >> 25);
    out[1] = static_cast<uint8_t>(base >> 17);
    out[2] = static_cast<uint8_t>(base >> 9);
    out[3] = static_cast<uint8_t>(base >> 1);
    out[4] = static_cast<uint8_t>((base & 1) << 7 | 0x7E); // six reserved bits, extension 0
    out[5] = 0;
}

/// Writes the PES header (2.4.3.6) and returns its size.
size_t put_pes_header(uint8_t *out, StreamType type, uint64_t pts, uint64_t dts, size_t payload) {
    const bool with_dts = pts != dts;
    const size_t timestamps = with_dts ? 10 : 5;
    const size_t length = 3 + timestamps + payload;
    out[0] = 0;
    out[1] = 0;
    out[2] = 1;
    const bool is_private =
        type == StreamType::ac3 || type == StreamType::metadata || type == StreamType::private_pes;
    out[3] = is_video(type) ? 0xE0 : is_private ? 0xBD : 0xC0;
    // 0 means unbounded, for large video frames whose length exceeds 16 bits.
    const size_t field = length <= 0xFFFF ? length : 0;
    out[4] = static_cast<uint8_t>(field >> 8);
    out[5] = static_cast<uint8_t>(field);
    out[6] = 0x84; // data_alignment_indicator: an access unit starts here
    out[7] = with_dts ? 0xC0 : 0x80;
    out[8] = static_cast<uint8_t>(timestamps);
    put_timestamp(out + 9, with_dts ? 3 : 2, pts);
    if (with_dts) put_timestamp(out + 14, 1, dts);
    return 9 + timestamps;
}

} // namespace

uint32_t crc32(ByteView bytes) {
    uint32_t crc = 0xFFFFFFFF;
    for (uint8_t byte : bytes)
        crc = crc << 8 ^ crc_table[crc >> 24 ^ byte];
    return crc;
}

void Muxer::set_tracks(std::vector<Track> tracks) {
    if (tracks == tracks_) return;
    tracks_ = std::move(tracks);
    version_ = (version_ + 1) & 31;
    const auto video = std::find_if(tracks_.begin(), tracks_.end(),
                                    [](const Track &track) { return is_video(track.type); });
    pcr_track_ = video == tracks_.end() ? 0 : static_cast<size_t>(video - tracks_.begin());
}

uint8_t Muxer::next_counter(uint16_t pid) {
    uint8_t &counter = counters_[pid & 0x1FFF];
    const uint8_t value = counter;
    counter = (counter + 1) & 15;
    return value;
}

void Muxer::write_section(uint16_t pid, std::vector<uint8_t> section, std::vector<uint8_t> &out) {
    // section_length counts the bytes after it, including the CRC.
    const size_t length = section.size() - 3 + 4;
    section[1] = static_cast<uint8_t>(0xB0 | length >> 8);
    section[2] = static_cast<uint8_t>(length);
    const uint32_t crc = crc32(section);
    Writer packet;
    packet.u8(0x47).u16(0x4000 | pid).u8(0x10 | next_counter(pid)).u8(0); // pointer_field
    packet.bytes(section).u32(crc);
    packet.vector().resize(packet_size, 0xFF);
    out.insert(out.end(), packet.view().begin(), packet.view().end());
}

void Muxer::write_tables(std::vector<uint8_t> &out) {
    // 2.4.4.3
    Writer pat;
    pat.u8(0x00).u16(0).u16(1).u8(0xC1).u8(0).u8(0); // table, length, stream id, version 0, current
    pat.u16(program_number).u16(0xE000 | pmt_pid);
    write_section(0, pat.take(), out);
    // 2.4.4.8
    Writer pmt;
    pmt.u8(0x02).u16(0).u16(program_number).u8(0xC1 | version_ << 1).u8(0).u8(0);
    pmt.u16(0xE000 | (tracks_.empty() ? 0x1FFF : tracks_[pcr_track_].pid));
    const bool has_metadata = std::any_of(tracks_.begin(), tracks_.end(), [](const Track &track) {
        return track.type == StreamType::metadata;
    });
    pmt.u16(0xF000 | (has_metadata ? sizeof metadata_pointer + 2 : 0));
    if (has_metadata) pmt.bytes(ByteView(metadata_pointer)).u16(program_number);
    for (const Track &track : tracks_) {
        pmt.u8(static_cast<uint8_t>(track.type)).u16(0xE000 | track.pid);
        pmt.u16(0xF000 | track.descriptors.size()).bytes(track.descriptors);
    }
    write_section(pmt_pid, pmt.take(), out);
}

void Muxer::write(size_t track, const AccessUnit &unit, std::vector<uint8_t> &out) {
    const Track &t = tracks_[track];
    size_t payload = 0;
    for (ByteView piece : unit.pieces)
        payload += piece.size();
    const uint64_t pts = unit.pts & timestamp_mask;
    const uint64_t dts = unit.dts & timestamp_mask;
    uint8_t pes[19];
    const size_t pes_size = put_pes_header(pes, t.type, pts, dts, payload);

    const bool with_pcr = track == pcr_track_;
    // Adaptation field of the first packet: length, flags, clock reference.
    const size_t first_field = with_pcr ? 8 : unit.random_access ? 2 : 0;
    size_t left = pes_size + payload;
    const size_t packets =
        left <= payload_max - first_field
            ? 1
            : 1 + (left - (payload_max - first_field) + payload_max - 1) / payload_max;
    const size_t begin = out.size();
    out.resize(begin + packets * packet_size);
    uint8_t *packet = out.data() + begin;

    size_t piece = 0, offset = 0;
    for (size_t i = 0; i < packets; ++i, packet += packet_size) {
        const bool first = i == 0;
        size_t field = first ? first_field : 0;
        const size_t take = std::min(left, payload_max - field);
        field = payload_max - take; // stuffing is part of the adaptation field
        packet[0] = 0x47;
        packet[1] = static_cast<uint8_t>((first ? 0x40 : 0) | t.pid >> 8);
        packet[2] = static_cast<uint8_t>(t.pid);
        packet[3] = static_cast<uint8_t>((field ? 0x30 : 0x10) | next_counter(t.pid));
        if (field) {
            packet[4] = static_cast<uint8_t>(field - 1);
            if (field > 1) {
                size_t used = 2;
                packet[5] = first && unit.random_access ? 0x40 : 0;
                if (first && with_pcr) {
                    packet[5] |= 0x10;
                    put_pcr(packet + 6, (dts - pcr_lead) & timestamp_mask);
                    used = 8;
                }
                std::memset(packet + header_size + used, 0xFF, field - used);
            }
        }
        uint8_t *to = packet + header_size + field;
        size_t room = take;
        if (first) {
            std::memcpy(to, pes, pes_size);
            to += pes_size;
            room -= pes_size;
        }
        while (room > 0) {
            const ByteView from = unit.pieces[piece];
            const size_t count = std::min(room, from.size() - offset);
            if (count) std::memcpy(to, from.data() + offset, count);
            to += count;
            room -= count;
            offset += count;
            if (offset == from.size()) {
                ++piece;
                offset = 0;
            }
        }
        left -= take;
    }
}

} // namespace penstock::mpegts
