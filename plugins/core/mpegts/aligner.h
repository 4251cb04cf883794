// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the packets of 188 bytes in what the network brings, however it is cut.
#pragma once

#include "core/bytes/bytes.h"
#include "core/mpegts/muxer.h"

#include <cstdint>
#include <vector>

namespace penstock::mpegts {

inline constexpr uint8_t sync_byte = 0x47;

/// Not thread-safe. Keeps less than two packets.
class Aligner {
public:
    /// Appends the complete packets to `out`. Bytes that belong to none are skipped; after such
    /// bytes two sync bytes at the right distance begin a packet.
    void push(ByteView input, std::vector<uint8_t> &out);
    /// Forgets a packet that is not complete.
    void reset();
    /// Bytes that belonged to no packet.
    uint64_t skipped() const { return skipped_; }

private:
    std::vector<uint8_t> rest_;
    bool is_locked_ = true; ///< the next byte begins a packet
    uint64_t skipped_ = 0;
};

} // namespace penstock::mpegts
