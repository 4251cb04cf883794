// SPDX-License-Identifier: LGPL-2.1-or-later
// One elementary stream, from its packets' payloads to units.
#pragma once

#include "core/mpegts/audio_frames.h"
#include "core/mpegts/clock.h"
#include "core/mpegts/packet.h"
#include "core/mpegts/section.h"
#include "core/mpegts/video_units.h"

#include <memory>

namespace penstock::mpegts {

struct StreamCounters {
    uint64_t packets = 0;   ///< with payload
    uint64_t lost = 0;      ///< gaps in the continuity counter: packets that are missing, at least
    uint64_t units = 0;     ///< passed on
    uint64_t damaged = 0;   ///< units that were dropped, because something of them is missing
    uint64_t scrambled = 0; ///< packets that can't be read
};

/// Checks the packets' order, and cuts what they carry into units. A unit that misses a packet is
/// dropped, and the next one marked. Not thread-safe.
class StreamUnits {
public:
    StreamUnits(const ElementaryStream &stream, size_t index, size_t max_unit, KeptBytes &kept,
                Clock &clock);
    ~StreamUnits();

    /// Calls `emit(const Unit &)` with what is whole.
    template <class Emit>
    void push(const Packet &packet, Emit &&emit) {
        take(packet);
        flush_to(emit);
    }
    /// The end: what can be whole is passed on.
    template <class Emit>
    void finish(Emit &&emit) {
        end();
        flush_to(emit);
    }
    /// Packets are missing: what has begun is dropped.
    void lose();
    /// The next unit that begins is marked.
    void mark();
    /// Its place in a new program map.
    void set_index(size_t index) { index_ = index; }

    const ElementaryStream &stream() const { return stream_; }
    StreamCounters counters() const;

private:
    struct Target;
    void take(const Packet &packet);
    void end();
    bool is_next(const Packet &packet);
    void collect_data(ByteView bytes);
    void end_data();
    std::optional<int64_t> stamp(const std::optional<uint64_t> &ticks);
    uint64_t dropped() const;

    template <class Emit>
    void flush_to(Emit &&emit) {
        for (auto &whole : pictures_) {
            Unit unit = make(Bytes::adopt(std::move(whole.bytes)));
            unit.dts = stamp(whole.stamps.dts);
            unit.pts = stamp(whole.stamps.pts);
            unit.nals = whole.nals;
            emit(static_cast<const Unit &>(unit));
        }
        pictures_.clear();
        for (auto &whole : frames_) {
            Unit unit = make(std::move(whole.bytes));
            unit.pts = whole.pts;
            unit.samples = whole.samples;
            unit.format = &audio_->format();
            emit(static_cast<const Unit &>(unit));
        }
        frames_.clear();
        for (auto &section : sections_) {
            Unit unit = make(Bytes::adopt(std::move(section)));
            unit.pts = data_pts_;
            emit(static_cast<const Unit &>(unit));
        }
        sections_.clear();
    }
    Unit make(Bytes &&bytes);

    const ElementaryStream stream_;
    size_t index_;
    Clock &clock_;
    std::optional<uint8_t> counter_;
    bool was_repeated_ = false;
    bool marked_ = false;
    bool mark_later_ = false; ///< behind the unit that has begun
    uint64_t dropped_before_ = 0;
    PesReader pes_;
    std::unique_ptr<VideoUnits> video_;
    std::unique_ptr<AudioFrames> audio_;
    std::unique_ptr<SectionReader> section_reader_;
    std::vector<uint8_t> data_;
    bool has_data_ = false; ///< a data packet has begun
    std::optional<int64_t> data_pts_;
    std::vector<VideoUnits::Whole> pictures_;
    std::vector<AudioFrames::Whole> frames_;
    std::vector<std::vector<uint8_t>> sections_; ///< and payloads of data packets
    StreamCounters counters_;
};

} // namespace penstock::mpegts
