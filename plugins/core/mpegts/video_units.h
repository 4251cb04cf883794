// SPDX-License-Identifier: LGPL-2.1-or-later
// Cuts H.264 and H.265 byte streams into access units as they come.
#pragma once

#include "core/codec/nal.h"
#include "core/mpegts/pes.h"
#include "core/mpegts/unit.h"

#include <vector>

namespace penstock::mpegts {

/// Bytes that the streams of a demuxer keep together.
struct KeptBytes {
    size_t limit = 0, used = 0;
};

/// An access unit ends where the next one begins: at an access unit delimiter, or at a PES packet
/// with other timestamps, whichever comes first; or where a PES packet of known length ends. Units
/// that miss bytes are dropped. Not thread-safe.
class VideoUnits {
public:
    struct Whole {
        std::vector<uint8_t> bytes;
        PesHeader stamps;           ///< its timestamps; none of a later unit of a PES packet
        std::vector<uint32_t> nals; ///< offsets behind the start codes
    };
    struct Counters {
        uint64_t dropped = 0;   ///< units that miss bytes
        uint64_t overflows = 0; ///< units that were too long
    };

    /// A unit of more than `max_unit` bytes is dropped. `kept` must outlive it.
    VideoUnits(codec::NalCodec codec, size_t max_unit, KeptBytes &kept)
        : codec_(codec), max_unit_(max_unit), kept_(kept) {}
    ~VideoUnits() { drop(); }
    VideoUnits(const VideoUnits &) = delete;
    VideoUnits &operator=(const VideoUnits &) = delete;

    void begin(const PesHeader &header);
    void data(ByteView bytes, std::vector<Whole> &out);
    /// A PES packet of known length has ended.
    void end(std::vector<Whole> &out);
    /// Bytes are missing.
    void lose();
    /// Appends the last unit, at the stream's end.
    void finish(std::vector<Whole> &out);
    bool has_begun() const { return !bytes_.empty(); }
    const Counters &counters() const { return counters_; }

private:
    enum class Start : uint8_t { new_unit, same_unit, unknown };

    Start start_of(ByteView bytes) const;
    bool append(ByteView bytes);
    void scan(std::vector<Whole> &out);
    void cut(size_t at, std::vector<Whole> &out);
    void drop();

    const codec::NalCodec codec_;
    const size_t max_unit_;
    KeptBytes &kept_;
    std::vector<uint8_t> bytes_;
    std::vector<uint32_t> nals_;
    size_t scanned_ = 0;      ///< no start code ends before this
    size_t usual_ = 4096;     ///< bytes of the last units
    PesHeader stamps_;        ///< of the unit
    PesHeader header_;        ///< of the PES packet
    bool is_start_ = false;   ///< the next bytes are a PES packet's first
    bool is_pending_ = false; ///< `header_` belongs to the next unit that begins
    bool is_skipping_ = true; ///< until the next PES packet
    bool is_waiting_ = false; ///< until the next delimiter, or PES packet
    bool has_slices_ = false, has_delimiters_ = false;
    unsigned whole_packets_ = 0; ///< in a row, that began with a unit
    Counters counters_;
};

} // namespace penstock::mpegts
