// SPDX-License-Identifier: LGPL-2.1-or-later
// Takes one program out of a transport stream: bytes in, access units out. ISO/IEC 13818-1.
#pragma once

#include "core/mpegts/packet_sync.h"
#include "core/mpegts/stream_units.h"
#include "core/mpegts/tables.h"

#include <array>
#include <map>
#include <memory>
#include <vector>

namespace penstock::mpegts {

/// Takes any stream, cut anywhere. Errors of it cost what they hit, and are counted. Memory is
/// bounded by `Options`. Not thread-safe.
class Demuxer {
public:
    struct Options {
        /// 0: the first one, in the order of the table, that has audio or video.
        uint16_t program = 0;
        size_t max_unit = 8 << 20;  ///< bytes of a frame
        size_t max_kept = 16 << 20; ///< bytes of frames that are not whole yet
    };
    class Handler {
    public:
        /// The program, or what is in it, is another one. Units that follow are of its streams.
        virtual void on_program(const Program &program) = 0;
        /// The views in `unit` are valid during the call.
        virtual void on_unit(const Unit &unit) = 0;

    protected:
        ~Handler() = default;
    };
    struct Stats {
        uint64_t packets = 0;       ///< all
        uint64_t broken = 0;        ///< that say so of themselves, or have impossible fields
        uint64_t lost = 0;          ///< of the program, at least
        uint64_t resyncs = 0;       ///< places where no sync byte was
        uint64_t skipped = 0;       ///< bytes of garbage
        uint64_t table_errors = 0;  ///< tables that could not be used
        uint64_t clock_jumps = 0;   ///< of the program's clock
        uint64_t damaged = 0;       ///< units that were dropped
        uint64_t scrambled = 0;     ///< packets of the program
        size_t packet_distance = 0; ///< bytes; 0: no packets were found
    };

    Demuxer(const Options &options, Handler &handler);
    ~Demuxer();
    Demuxer(const Demuxer &) = delete;
    Demuxer &operator=(const Demuxer &) = delete;

    void push(ByteView input);
    /// The end of the input: passes on what can be whole.
    void finish();
    /// Forgets what is not whole, after a jump in the input. Tables stay.
    void flush();
    /// As Options::program; another one than that at hand is taken from now on.
    void choose(uint16_t program);

    const Program *program() const { return chosen_ ? &program_ : nullptr; }
    /// Changes with every table that is another one.
    uint64_t tables_version() const { return tables_version_; }
    /// All programs; their streams as far as their maps have come.
    std::vector<Program> programs() const;
    Stats stats() const;
    /// The first clock reference (PCR) of the program: 90 kHz, unwrapped as the units' times are.
    std::optional<int64_t> begin() const { return clock_.begin(); }
    /// Of a stream of program(); nullptr for one that is not taken out.
    const StreamUnits *stream(size_t index) const;

private:
    /// A program of the association table.
    struct Entry {
        Program program;
        bool has_map = false;
        SectionReader reader;
        int counter = -1;             ///< of the last packet
        std::vector<uint8_t> section; ///< the last map
    };
    enum : uint8_t { slot_none, slot_pat, slot_pmt, slot_stream = slot_pmt + max_programs };

    void take(const uint8_t *bytes);
    bool may_change();
    void take_tables(const Packet &packet, SectionReader &reader, int &counter);
    void take_pat(const std::vector<uint8_t> &section);
    void rebuild_programs();
    void take_pmt(Entry &entry, const std::vector<uint8_t> &section);
    void decide();
    void use(const Program &program);
    void abandon();
    void assign_slots();
    void retire(StreamUnits &units);

    Options options_;
    Handler &handler_;
    PacketSync sync_;
    SectionReader pat_reader_;
    int pat_counter_ = -1;
    std::vector<std::vector<uint8_t>> sections_;
    std::map<uint8_t, PatSection> pat_; ///< by its number
    std::vector<uint8_t> pat_section_;  ///< the last one
    std::vector<std::unique_ptr<Entry>> programs_;
    uint64_t first_map_ =
        0; ///< number of the packet in which the first map with media was; 0: none

    uint64_t tables_version_ = 0;
    uint64_t changes_from_ = 0; ///< number of packets at which all changes would be allowed again
    bool is_due_ = false;       ///< what decide() looks at has changed

    bool chosen_ = false;
    Program program_;
    Clock clock_;
    KeptBytes kept_;
    std::vector<std::unique_ptr<StreamUnits>> streams_; ///< by index; nullptr: not taken out
    std::array<uint8_t, pid_count> slots_{};
    Stats stats_; ///< without those of `streams_`
};

} // namespace penstock::mpegts
