// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes transport streams as senders do, and as they should not: any tables, headers and counters.
#pragma once

#include "core/bytes/writer.h"
#include "core/mpegts/demuxer.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace ts_test {

using namespace penstock;
using namespace penstock::mpegts;
using Vector = std::vector<uint8_t>;

struct PmtStream {
    uint8_t type = 0;
    uint16_t pid = 0;
    Vector descriptors{};
};

/// What a packet's adaptation field says.
struct Extras {
    bool discontinuity = false;
    std::optional<uint64_t> pcr{};
    bool scrambled = false;
};

class Sender {
public:
    Vector bytes;
    std::map<uint16_t, uint8_t> counters; ///< of the next packet

    /// A packet with as much of the payload as fits; returns how much that was.
    size_t packet(uint16_t pid, bool starts, ByteView payload, const Extras &extras = {}) {
        const size_t flags = extras.discontinuity || extras.pcr ? (extras.pcr ? 8 : 2) : 0;
        const size_t count = std::min(payload.size(), packet_size - 4 - flags);
        const size_t field = packet_size - 4 - count;
        Vector p;
        p.push_back(sync_byte);
        p.push_back(uint8_t((starts ? 0x40 : 0) | pid >> 8));
        p.push_back(uint8_t(pid));
        const uint8_t counter = counters[pid];
        if (count > 0) counters[pid] = (counter + 1) & 15;
        p.push_back(uint8_t((extras.scrambled ? 0x80 : 0) | (field ? 0x20 : 0) |
                            (count ? 0x10 : 0) | counter));
        if (field > 0) p.push_back(uint8_t(field - 1));
        if (field > 1)
            p.push_back(uint8_t((extras.discontinuity ? 0x80 : 0) | (extras.pcr ? 0x10 : 0)));
        if (extras.pcr) {
            const uint64_t base = *extras.pcr & (Clock::period - 1);
            for (const int shift : {25, 17, 9, 1})
                p.push_back(uint8_t(base >> shift));
            p.push_back(uint8_t((base & 1) << 7 | 0x7E));
            p.push_back(0);
        }
        p.resize(packet_size - count, 0xFF);
        p.insert(p.end(), payload.begin(), payload.begin() + ptrdiff_t(count));
        bytes.insert(bytes.end(), p.begin(), p.end());
        return count;
    }
    void payload(uint16_t pid, ByteView all, Extras extras = {}) {
        for (bool starts = true; starts || !all.empty(); starts = false) {
            all = all.subspan(packet(pid, starts, all, extras));
            extras = {};
        }
    }
    /// From table_id on; the length and the CRC are filled in.
    static Vector section(Vector body) {
        const size_t length = body.size() - 3 + 4;
        body[1] = uint8_t(0xB0 | length >> 8);
        body[2] = uint8_t(length);
        const uint32_t crc = crc32(body);
        for (const int shift : {24, 16, 8, 0})
            body.push_back(uint8_t(crc >> shift));
        return body;
    }
    void send_section(uint16_t pid, const Vector &section) {
        Vector with_pointer{0};
        with_pointer.insert(with_pointer.end(), section.begin(), section.end());
        payload(pid, with_pointer);
    }
    /// Numbers and PIDs.
    void pat(const std::vector<std::pair<uint16_t, uint16_t>> &programs, uint8_t version = 0,
             uint8_t number = 0, uint8_t last = 0) {
        penstock::Writer w;
        w.u8(0).u16(0).u16(1).u8(0xC1 | version << 1).u8(number).u8(last);
        for (const auto &[program, pid] : programs)
            w.u16(program).u16(0xE000 | pid);
        send_section(0, section(w.take()));
    }
    static Vector pmt_section(uint16_t number, uint16_t pcr_pid,
                              const std::vector<PmtStream> &streams, uint8_t version) {
        penstock::Writer w;
        w.u8(2).u16(0).u16(number).u8(0xC1 | version << 1).u8(0).u8(0).u16(0xE000 | pcr_pid);
        w.u16(0xF000);
        for (const PmtStream &stream : streams)
            w.u8(stream.type)
                .u16(0xE000 | stream.pid)
                .u16(0xF000 | stream.descriptors.size())
                .bytes(stream.descriptors);
        return section(w.take());
    }
    void pmt(uint16_t pid, uint16_t number, const std::vector<PmtStream> &streams,
             uint8_t version = 0) {
        send_section(
            pid, pmt_section(number, streams.empty() ? 0x1FFF : streams[0].pid, streams, version));
    }
    /// One program, number 1 on PID 0x1000.
    void tables(const std::vector<PmtStream> &streams, uint8_t version = 0) {
        pat({{1, 0x1000}});
        pmt(0x1000, 1, streams, version);
    }

    static void put_time(penstock::Writer &w, uint8_t prefix, uint64_t value) {
        w.u8(prefix << 4 | (value >> 30 & 7) << 1 | 1);
        w.u16((value >> 15 & 0x7FFF) << 1 | 1).u16((value & 0x7FFF) << 1 | 1);
    }
    static Vector pes(uint8_t stream_id, ByteView payload, std::optional<uint64_t> pts,
                      std::optional<uint64_t> dts = {}, bool is_bounded = false) {
        const size_t fields = (pts ? 5 : 0) + (dts ? 5 : 0);
        penstock::Writer w;
        w.u24(1).u8(stream_id).u16(is_bounded ? 3 + fields + payload.size() : 0).u8(0x80);
        w.u8((pts ? 0x80 : 0) | (dts ? 0x40 : 0)).u8(fields);
        if (pts) put_time(w, dts ? 3 : 2, *pts & (Clock::period - 1));
        if (dts) put_time(w, 1, *dts & (Clock::period - 1));
        return w.bytes(payload).take();
    }
    void video(ByteView unit, std::optional<uint64_t> pts, std::optional<uint64_t> dts = {},
               const Extras &extras = {}) {
        payload(0x100, pes(0xE0, unit, pts, dts), extras);
    }
    void audio(ByteView frames, std::optional<uint64_t> pts, uint16_t pid = 0x101) {
        payload(pid, pes(0xC0, frames, pts, {}, true));
    }
};

/// An H.264 access unit: `size` bytes of a slice, whose last tells frames apart.
inline Vector picture(bool key, uint8_t mark, size_t size = 20, bool with_delimiter = true,
                      const Vector &sets = {}) {
    Vector unit;
    if (with_delimiter) unit = {0, 0, 0, 1, 0x09, 0xF0};
    unit.insert(unit.end(), sets.begin(), sets.end());
    for (const uint8_t byte : {0, 0, 1, key ? 0x65 : 0x41, 0x88})
        unit.push_back(byte);
    unit.resize(unit.size() + size, 0x55);
    unit.push_back(mark);
    return unit;
}

/// Keeps what comes out.
struct Sink final : Demuxer::Handler {
    struct Kept {
        size_t stream = 0;
        Vector data;
        std::optional<int64_t> pts, dts;
        bool discontinuity = false;
        unsigned samples = 0;
        AudioFormat format;
        size_t nals = 0;
        bool operator==(const Kept &) const = default;
    };
    std::vector<Program> programs;
    std::vector<Kept> units;

    void on_program(const Program &program) override { programs.push_back(program); }
    void on_unit(const Unit &unit) override {
        Kept kept{unit.stream,
                  {unit.data.begin(), unit.data.end()},
                  unit.pts,
                  unit.dts,
                  unit.discontinuity,
                  unit.samples,
                  {},
                  unit.nals.size()};
        if (unit.format) kept.format = *unit.format;
        units.push_back(std::move(kept));
    }
    std::vector<Kept> of(size_t stream) const {
        std::vector<Kept> list;
        for (const Kept &unit : units)
            if (unit.stream == stream) list.push_back(unit);
        return list;
    }
};

/// A demuxer and what it put out.
struct Rig {
    Sink sink;
    Demuxer demuxer;

    explicit Rig(const Demuxer::Options &options = {}) : demuxer(options, sink) {}
    explicit Rig(const Vector &all, const Demuxer::Options &options = {}) : Rig(options) {
        demuxer.push(all);
        demuxer.finish();
    }
};

} // namespace ts_test
