// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/demuxer.h"

#include <algorithm>
#include <utility>

namespace penstock::mpegts {
namespace {

constexpr uint16_t pat_pid = 0;
/// Sections of an association table.
constexpr size_t max_pat_sections = 16;
/// Changes of tables that are taken at once, and packets for each of those beyond: some three a
/// second at 20 Mbit/s. Each makes everything behind begin anew.
constexpr uint64_t max_changes = 32, packets_per_change = 4'096;
/// Packets that are waited for the maps of programs that come before the first with media.
constexpr uint64_t map_patience = 4'000;

bool has_media(const Program &program) {
    return std::any_of(program.streams.begin(), program.streams.end(), [](const auto &stream) {
        return is_video(stream.codec) || is_audio(stream.codec);
    });
}

} // namespace

Demuxer::Demuxer(const Options &options, Handler &handler) : options_(options), handler_(handler) {
    kept_.limit = options.max_kept;
    assign_slots();
}

Demuxer::~Demuxer() = default;

void Demuxer::push(ByteView input) {
    sync_.push(input, [this](const uint8_t *packet) { take(packet); });
}

void Demuxer::take(const uint8_t *bytes) {
    ++stats_.packets;
    const Packet packet = parse_packet(bytes);
    if (packet.is_broken) {
        ++stats_.broken;
        return;
    }
    if (packet.pcr && chosen_ && packet.pid == program_.pcr_pid &&
        clock_.reference(*packet.pcr, packet.discontinuity))
        for (const auto &stream : streams_)
            if (stream) stream->mark();
    const uint8_t slot = slots_[packet.pid];
    if (slot >= slot_stream) {
        streams_[size_t(slot) - slot_stream]->push(
            packet, [this](const Unit &unit) { handler_.on_unit(unit); });
    } else if (slot == slot_pat) {
        take_tables(packet, pat_reader_, pat_counter_);
        for (const auto &section : std::exchange(sections_, {}))
            take_pat(section);
    } else if (slot != slot_none) {
        Entry &entry = *programs_[slot - slot_pmt];
        take_tables(packet, entry.reader, entry.counter);
        // Several programs may have their maps in the same packets.
        const uint16_t pid = packet.pid;
        for (const auto &section : std::exchange(sections_, {}))
            for (size_t i = 0; i < programs_.size(); ++i)
                if (programs_[i]->program.pmt_pid == pid) take_pmt(*programs_[i], section);
    }
    if (!chosen_ && first_map_ != 0 &&
        (std::exchange(is_due_, false) || stats_.packets == first_map_ + map_patience + 1))
        decide();
}

void Demuxer::take_tables(const Packet &packet, SectionReader &reader, int &counter) {
    if (packet.payload.empty() || packet.is_scrambled) return;
    if (packet.counter == std::exchange(counter, int(packet.counter))) return; // sent twice
    reader.push(packet.payload, packet.starts_unit, sections_);
}

// --- tables -------------------------------------------------------------------------------

/// Whether a table that has changed is taken now; otherwise it is when it comes again.
bool Demuxer::may_change() {
    changes_from_ = std::max(changes_from_, stats_.packets) + packets_per_change;
    if (changes_from_ <= stats_.packets + max_changes * packets_per_change) return true;
    changes_from_ -= packets_per_change;
    return false;
}

void Demuxer::take_pat(const std::vector<uint8_t> &section) {
    if (section == pat_section_) return;
    PatSection pat;
    if (!parse_pat(section, pat).is_ok()) {
        ++stats_.table_errors;
        return;
    }
    // Sections of a table of several take turns.
    const auto known = pat_.find(pat.number);
    if (known != pat_.end() && known->second == pat) {
        pat_section_ = section;
        return;
    }
    if (!may_change()) return;
    pat_section_ = section;
    ++tables_version_;
    const bool is_other =
        !pat_.empty() && (pat_.begin()->second.version != pat.version ||
                          pat_.begin()->second.transport_stream_id != pat.transport_stream_id);
    if (is_other || pat.last == 0) pat_.clear();
    if (pat_.size() >= max_pat_sections && !pat_.contains(pat.number)) return;
    pat_[pat.number] = std::move(pat);
    rebuild_programs();
}

void Demuxer::rebuild_programs() {
    std::vector<std::unique_ptr<Entry>> before = std::exchange(programs_, {});
    for (const auto &[number, pat] : pat_)
        for (const Program &program : pat.programs) {
            if (programs_.size() == max_programs) break;
            const auto known = std::find_if(before.begin(), before.end(), [&](const auto &entry) {
                return entry && entry->program.number == program.number &&
                       entry->program.pmt_pid == program.pmt_pid;
            });
            if (known != before.end()) {
                programs_.push_back(std::move(*known));
                continue;
            }
            programs_.push_back(std::make_unique<Entry>());
            programs_.back()->program = program;
        }
    const bool is_gone =
        chosen_ && std::none_of(programs_.begin(), programs_.end(), [&](const auto &entry) {
            return entry->program.number == program_.number;
        });
    // Of a table of several sections some may not have come.
    const bool is_whole = !pat_.empty() && pat_.size() > pat_.begin()->second.last;
    if (is_gone && is_whole) abandon();
    is_due_ = true;
    assign_slots();
}

void Demuxer::take_pmt(Entry &entry, const std::vector<uint8_t> &section) {
    if (section == entry.section) return;
    PmtSection pmt;
    if (!parse_pmt(section, pmt).is_ok()) {
        ++stats_.table_errors;
        return;
    }
    if (pmt.program.number != entry.program.number) return;
    if (entry.has_map && !may_change()) return;
    entry.section = section;
    ++tables_version_;
    const uint16_t pid = entry.program.pmt_pid;
    entry.program = std::move(pmt.program);
    entry.program.pmt_pid = pid;
    entry.has_map = is_due_ = true;
    if (chosen_ && entry.program.number == program_.number) {
        if (entry.program != program_) use(Program(entry.program));
        return;
    }
    if (!chosen_ && first_map_ == 0 && (options_.program != 0 || has_media(entry.program)))
        first_map_ = stats_.packets;
}

/// Chooses a program if it is time.
void Demuxer::decide() {
    const bool is_late = stats_.packets - first_map_ > map_patience;
    for (const auto &entry : programs_) {
        if (options_.program != 0 && entry->program.number != options_.program) continue;
        if (!entry->has_map) {
            if (is_late) continue;
            return;
        }
        if (options_.program == 0 && !has_media(entry->program)) continue;
        use(Program(entry->program));
        return;
    }
}

void Demuxer::retire(StreamUnits &units) {
    units.finish([this](const Unit &unit) { handler_.on_unit(unit); });
    const StreamCounters counters = units.counters();
    stats_.lost += counters.lost;
    stats_.damaged += counters.damaged;
    stats_.scrambled += counters.scrambled;
}

void Demuxer::use(const Program &program) {
    std::vector<std::unique_ptr<StreamUnits>> before = std::exchange(streams_, {});
    const auto find = [&](const ElementaryStream &stream) {
        return std::find_if(before.begin(), before.end(),
                            [&](const auto &units) { return units && units->stream() == stream; });
    };
    if (!chosen_ || program_.number != program.number) clock_.reset();
    std::vector<std::unique_ptr<StreamUnits>> kept(program.streams.size());
    for (size_t i = 0; i < program.streams.size(); ++i)
        if (const auto known = find(program.streams[i]); known != before.end())
            kept[i] = std::move(*known);
    for (const auto &units : before)
        if (units) retire(*units);
    for (size_t i = 0; i < kept.size(); ++i) {
        const ElementaryStream &stream = program.streams[i];
        if (kept[i])
            kept[i]->set_index(i);
        else if (stream.codec != Codec::unknown)
            kept[i] = std::make_unique<StreamUnits>(stream, i, options_.max_unit, kept_, clock_);
    }
    program_ = program;
    chosen_ = true;
    streams_ = std::move(kept);
    assign_slots();
    handler_.on_program(program_);
}

void Demuxer::abandon() {
    for (const auto &units : std::exchange(streams_, {}))
        if (units) retire(*units);
    chosen_ = false;
    first_map_ = 0;
    ++tables_version_;
    is_due_ = true;
    for (const auto &entry : programs_)
        if (entry->has_map && (options_.program != 0 || has_media(entry->program)))
            first_map_ = stats_.packets;
    assign_slots();
}

/// What the packets of each PID are for.
void Demuxer::assign_slots() {
    slots_.fill(slot_none);
    if (chosen_)
        for (size_t i = 0; i < streams_.size(); ++i)
            if (streams_[i])
                slots_[program_.streams[i].pid] = static_cast<uint8_t>(slot_stream + i);
    for (size_t i = programs_.size(); i-- > 0;)
        slots_[programs_[i]->program.pmt_pid] = static_cast<uint8_t>(slot_pmt + i);
    slots_[pat_pid] = slot_pat;
    slots_[null_pid] = slot_none;
}

// --- control ------------------------------------------------------------------------------

void Demuxer::finish() {
    for (const auto &units : streams_)
        if (units) units->finish([this](const Unit &unit) { handler_.on_unit(unit); });
    sync_.flush();
}

void Demuxer::flush() {
    sync_.flush();
    for (const auto &units : streams_)
        if (units) units->lose();
    clock_.reset();
}

void Demuxer::choose(uint16_t program) {
    options_.program = program;
    if (chosen_ && (program == 0 || program_.number == program)) return;
    abandon();
}

std::vector<Program> Demuxer::programs() const {
    std::vector<Program> list;
    for (const auto &entry : programs_)
        list.push_back(entry->program);
    return list;
}

const StreamUnits *Demuxer::stream(size_t index) const {
    return index < streams_.size() ? streams_[index].get() : nullptr;
}

Demuxer::Stats Demuxer::stats() const {
    Stats stats = stats_;
    for (const auto &units : streams_) {
        if (!units) continue;
        const StreamCounters counters = units->counters();
        stats.lost += counters.lost;
        stats.damaged += counters.damaged;
        stats.scrambled += counters.scrambled;
    }
    stats.resyncs = sync_.resyncs();
    stats.skipped = sync_.skipped();
    stats.clock_jumps = clock_.jumps();
    stats.packet_distance = sync_.distance();
    return stats;
}

} // namespace penstock::mpegts
