// SPDX-License-Identifier: LGPL-2.1-or-later
// AAC in LATM, as LOAS carries it. ISO/IEC 14496-3 1.7.
#pragma once

#include "core/bytes/result.h"
#include "core/codec/aac.h"

#include <vector>

namespace penstock::mpegts {

/// Reads AudioMuxElements of one program with one layer. The configuration may come with some of
/// them only. Not thread-safe.
class LatmReader {
public:
    /// The payload of a LOAS frame. Appends the AAC frames of its subframes. Errors:
    /// cut short, no configuration so far, several programs or layers, other audio than AAC.
    Result read(ByteView element, std::vector<std::vector<uint8_t>> &frames);
    /// AudioSpecificConfig; empty before the first.
    const std::vector<uint8_t> &config() const { return config_; }
    const codec::AacConfig &aac() const { return aac_; }

private:
    std::vector<uint8_t> config_;
    codec::AacConfig aac_;
    unsigned subframes_ = 1;
};

/// The size of a LOAS frame (AudioSyncStream) by its first three bytes; 0: they are none.
size_t loas_size(ByteView bytes);
inline constexpr size_t loas_head = 3;

} // namespace penstock::mpegts
