// SPDX-License-Identifier: LGPL-2.1-or-later
// Which layer of simulcast each slot of a receiver gets, so that all of them fit its network.
#pragma once

#include "core/rtc/room/media_packet.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace penstock::rtc::room {

/// A layer as its sender has it.
struct LayerFacts {
    bool is_active = false;
    uint32_t bitrate = 0;           ///< bit/s
    unsigned width = 0, height = 0; ///< pixels; 0: not known
};

/// A slot that is to be filled.
struct LayerDemand {
    std::span<const LayerFacts> layers; ///< by their index, in any order of size
    unsigned width = 0, height = 0;     ///< pixels that are shown; 0: the slot is hidden
    std::optional<uint8_t> current;     ///< that it gets now
};

/// The layers that the demands get, the most important of which is the first; empty: none.
/// `budget`: bit/s for all of them.
///
/// Each shown slot gets the smallest layer, then one step more as long as that fits, up to the
/// first layer that is as large as the slot. If not even the smallest ones fit, the last slots get
/// none, but the first always gets one. A higher layer than the current one needs some room to
/// spare.
std::vector<std::optional<uint8_t>> choose_layers(std::span<const LayerDemand> demands,
                                                  uint64_t budget);

/// bit/s that would be needed for every demand to get what it wants.
uint64_t wanted_bitrate(std::span<const LayerDemand> demands);

} // namespace penstock::rtc::room
