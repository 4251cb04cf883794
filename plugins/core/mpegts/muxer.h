// SPDX-License-Identifier: LGPL-2.1-or-later
// Multiplexes elementary streams into MPEG transport stream packets. ISO/IEC 13818-1.
#pragma once

#include "core/bytes/bytes.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace penstock::mpegts {

inline constexpr size_t packet_size = 188;
inline constexpr uint64_t clock_rate = 90'000;
/// Timestamps are 33 bits wide and wrap.
inline constexpr uint64_t timestamp_mask = (uint64_t(1) << 33) - 1;
/// By how much the clock reference precedes decoding timestamps, in 90 kHz ticks: the time that a
/// decoder has to receive the first frame.
inline constexpr uint64_t pcr_lead = clock_rate / 2;

/// Codec of an elementary stream (table 2-34).
enum class StreamType : uint8_t {
    mpeg1_audio = 0x03,
    mpeg2_audio = 0x04, ///< the lower sample rates
    private_pes = 0x06, ///< descriptors say what is in the PES packets: Opus
    aac_adts = 0x0F,
    metadata = 0x15, ///< in PES packets; here always ID3 ("Timed Metadata for HTTP Live Streaming")
    h264 = 0x1B,
    hevc = 0x24,
    ac3 = 0x81,
};

/// Bytes of a unit of metadata: only video's PES packets may leave their length out (2.4.3.7).
inline constexpr size_t largest_metadata = 0xFFFF - 8;

constexpr bool is_video(StreamType type) {
    return type == StreamType::h264 || type == StreamType::hevc;
}

struct Track {
    StreamType type = StreamType::h264;
    uint16_t pid = 0x100;             ///< 0x20 to 0x1FFE, not pmt_pid; unique among the tracks
    std::vector<uint8_t> descriptors; ///< for the program map, including tags and lengths
    bool operator==(const Track &) const = default;
};

/// The payload of a PES packet: one video frame, or several complete audio frames.
struct AccessUnit {
    uint64_t pts = 0, dts = 0; ///< 90 kHz; only the low 33 bits are used
    bool random_access = false;
    /// The bytes; the pieces need not be adjacent.
    std::span<const ByteView> pieces;
};

/// CRC-32 of program tables (annex A): polynomial 0x04C11DB7, no reflection, no final inversion.
uint32_t crc32(ByteView bytes);

/// Appends complete packets to a vector. Continuity counters and the program map's version persist,
/// so that each segment continues the previous one. Never fails: its input comes from this process,
/// not from the network. Not thread-safe.
class Muxer {
public:
    static constexpr uint16_t pmt_pid = 0x1000;

    /// Sets the tracks of what follows. A different set increments the version of the tables. The
    /// clock reference is in the first video track or, without video, in the first track.
    void set_tracks(std::vector<Track> tracks);
    const std::vector<Track> &tracks() const { return tracks_; }

    /// PAT and PMT, one packet each; every segment begins with them.
    void write_tables(std::vector<uint8_t> &out);
    /// Writes a PES packet on track number `track` of the set. Units of a track must be in DTS
    /// order.
    void write(size_t track, const AccessUnit &unit, std::vector<uint8_t> &out);

    /// Upper bound of the bytes that write() appends for `payload` bytes.
    static constexpr size_t packets_bound(size_t payload) {
        return (payload + 32) / (packet_size - 4) * packet_size + packet_size;
    }

private:
    uint8_t next_counter(uint16_t pid);
    void write_section(uint16_t pid, std::vector<uint8_t> section, std::vector<uint8_t> &out);

    std::vector<Track> tracks_;
    size_t pcr_track_ = 0;
    uint8_t version_ = 31; // the first set_tracks() makes it 0
    std::array<uint8_t, 0x2000> counters_{};
};

} // namespace penstock::mpegts
