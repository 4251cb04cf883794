// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses transport streams strictly: everything that could confuse a demuxer is a failure.
#pragma once

#include "core/mpegts/muxer.h"

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ts {

struct Pes {
    uint16_t pid = 0;
    uint8_t stream_id = 0;
    uint64_t pts = 0, dts = 0;
    bool random_access = false;
    std::optional<uint64_t> pcr;
    std::vector<uint8_t> payload;
};

struct Stream {
    std::map<uint16_t, uint8_t> types; ///< stream type by PID, from the PMT
    uint16_t pcr_pid = 0;
    unsigned version = 0, tables = 0;
    std::vector<Pes> units;
    std::vector<Pes> of(uint16_t pid) const {
        std::vector<Pes> list;
        for (const Pes &unit : units)
            if (unit.pid == pid) list.push_back(unit);
        return list;
    }
};

inline void require(bool condition, const std::string &what) {
    if (!condition) throw std::runtime_error(what);
}

inline uint64_t timestamp(const uint8_t *p, unsigned prefix) {
    require(p[0] >> 4 == prefix && (p[0] & p[2] & p[4] & 1), "marker bits of a timestamp");
    return uint64_t(p[0] >> 1 & 7) << 30 | uint64_t(p[1]) << 22 | uint64_t(p[2] >> 1) << 15 |
           uint64_t(p[3]) << 7 | p[4] >> 1;
}

/// Parses a segment. `counters` continues between segments to check continuity.
inline Stream read(penstock::ByteView bytes, std::map<uint16_t, uint8_t> &counters) {
    Stream stream;
    std::map<uint16_t, Pes> open;
    std::map<uint16_t, size_t> declared;
    const auto close = [&](uint16_t pid) {
        const auto found = open.find(pid);
        if (found == open.end()) return;
        Pes pes = std::move(found->second);
        open.erase(found);
        const std::vector<uint8_t> &raw = pes.payload;
        require(raw.size() >= 14 && raw[0] == 0 && raw[1] == 0 && raw[2] == 1, "PES start code");
        pes.stream_id = raw[3];
        const size_t length = size_t(raw[4]) << 8 | raw[5];
        require(length == 0 || length == raw.size() - 6, "PES_packet_length");
        require(length != 0 || pes.stream_id == 0xE0, "an unbounded PES that is not video");
        require(raw[6] >> 6 == 2, "PES flags");
        pes.pts = timestamp(&raw[9], raw[7] >> 6);
        pes.dts = raw[7] >> 6 == 3 ? timestamp(&raw[14], 1) : pes.pts;
        require(raw[8] == (raw[7] >> 6 == 3 ? 10 : 5), "PES header length");
        pes.payload.erase(pes.payload.begin(), pes.payload.begin() + 9 + raw[8]);
        stream.units.push_back(std::move(pes));
    };
    require(bytes.size() % 188 == 0, "a size that is no multiple of 188");
    for (size_t at = 0; at < bytes.size(); at += 188) {
        const uint8_t *p = bytes.data() + at;
        require(p[0] == 0x47, "sync byte");
        const bool start = p[1] & 0x40;
        const uint16_t pid = static_cast<uint16_t>((p[1] & 0x1F) << 8 | p[2]);
        const uint8_t counter = p[3] & 15;
        require((p[3] & 0xD0) == 0x10, "scrambled, or no payload");
        if (counters.count(pid)) require(counter == ((counters[pid] + 1) & 15), "continuity");
        counters[pid] = counter;
        size_t used = 4;
        bool random_access = false;
        std::optional<uint64_t> pcr;
        if (p[3] & 0x20) {
            used += 1 + p[4];
            require(used < 188, "adaptation field that fills the packet");
            if (p[4] > 0) {
                random_access = p[5] & 0x40;
                size_t stuffing = 6;
                if (p[5] & 0x10) {
                    require(p[4] >= 7, "room for the PCR");
                    pcr = uint64_t(p[6]) << 25 | uint64_t(p[7]) << 17 | uint64_t(p[8]) << 9 |
                          uint64_t(p[9]) << 1 | p[10] >> 7;
                    stuffing = 12;
                }
                for (size_t i = stuffing; i < used; ++i)
                    require(p[i] == 0xFF, "stuffing");
            }
        }
        if (pid == 0 || pid == penstock::mpegts::Muxer::pmt_pid) {
            require(start && p[used] == 0, "pointer_field");
            const uint8_t *s = p + used + 1;
            const size_t length = size_t(s[1] & 15) << 8 | s[2];
            require(penstock::mpegts::crc32({s, length + 3}) == 0, "CRC of a table");
            ++stream.tables;
            if (pid == 0) {
                require(length == 13 && ((s[10] & 0x1F) << 8 | s[11]) == 0x1000, "PAT");
                continue;
            }
            stream.version = s[5] >> 1 & 31;
            stream.pcr_pid = static_cast<uint16_t>((s[8] & 0x1F) << 8 | s[9]);
            stream.types.clear();
            const size_t about_program = size_t(s[10] & 15) << 8 | s[11];
            for (size_t i = 12 + about_program; i + 4 < length + 3;) {
                stream.types[static_cast<uint16_t>((s[i + 1] & 0x1F) << 8 | s[i + 2])] = s[i];
                i += 5 + (size_t(s[i + 3] & 15) << 8 | s[i + 4]);
            }
            continue;
        }
        require(stream.types.count(pid), "a PID that the PMT does not name");
        if (start) {
            close(pid);
            open[pid].pid = pid;
            open[pid].random_access = random_access;
            open[pid].pcr = pcr;
        }
        require(open.count(pid), "a PES that begins in the middle");
        require(!pcr || pid == stream.pcr_pid, "a PCR on the wrong PID");
        auto &payload = open[pid].payload;
        payload.insert(payload.end(), p + used, p + 188);
    }
    while (!open.empty())
        close(open.begin()->first);
    return stream;
}

inline Stream read(penstock::ByteView bytes) {
    std::map<uint16_t, uint8_t> counters;
    return read(bytes, counters);
}

} // namespace ts
