// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds where a viewer may join an MPEG transport stream, and the program tables that it needs
// first. ISO/IEC 13818-1; looks at the first program only.
#pragma once

#include "core/bytes/bytes.h"

#include <cstdint>
#include <vector>

namespace penstock::mpegts {

/// Not thread-safe. Its input is from the network: anything is taken, and at most `max_table` bytes
/// of a table are kept.
class JoinFinder {
public:
    static constexpr size_t max_table = 1024;

    /// Looks at one packet of 188 bytes. True if a viewer may join at it: if it begins a video
    /// frame that depends on no other or, without video, if it begins audio.
    bool take(ByteView packet);

    /// The packets of the newest program tables (PAT, PMT); empty while they are incomplete.
    const std::vector<uint8_t> &tables() const { return tables_; }
    /// Grows when tables() changes.
    unsigned version() const { return version_; }
    bool has_video() const { return video_pid_ != none; }
    /// Whether the packet at hand brought the begin of a frame that viewers wait for: of video, or
    /// of audio in a stream without video.
    bool is_awaited() const { return is_awaited_; }
    void reset() { *this = {}; }

private:
    static constexpr uint16_t none = 0x1FFF; ///< the PID of null packets

    /// A table as it comes in.
    struct Table {
        std::vector<uint8_t> packets, section;
    };
    void take_table(Table &table, ByteView packet, ByteView payload, bool begins, bool is_map);
    void read_programs(ByteView section);
    void read_map(ByteView section);
    void renew_tables();

    Table pat_, pmt_;
    std::vector<uint8_t> pat_packets_, pmt_packets_; ///< of the newest whole tables
    std::vector<uint8_t> tables_;
    unsigned version_ = 0;
    uint16_t pmt_pid_ = none, video_pid_ = none, audio_pid_ = none;
    uint8_t video_type_ = 0;
    bool is_awaited_ = false;
};

} // namespace penstock::mpegts
