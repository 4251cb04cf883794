// SPDX-License-Identifier: LGPL-2.1-or-later
// A track of a participant as the loops of its receivers know it: which layers they want, what
// these are like, and requests that go back to the sender's loop.
#pragma once

#include "core/rtc/room/layers.h"
#include "core/rtc/room/speakers.h"
#include "core/rtc/room/upstream.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace penstock::net {

/// Thread-safe.
class RoomTrack {
public:
    static constexpr size_t most_layers = rtc::room::most_layers;

    RoomTrack(uint64_t track_number, uint32_t participant_number, rtc::room::SourceKind of,
              size_t layer_count, size_t loops)
        : number(track_number), participant(participant_number), kind(of), layers(layer_count),
          wanted_(loops * most_layers) {}

    const uint64_t number;      ///< that no other track has
    const uint32_t participant; ///< of the room
    const rtc::room::SourceKind kind;
    const size_t layers;

    // --- receivers ------------------------------------------------------------------------
    /// A slot on this loop wants the layer, or no more.
    void want(size_t loop, uint8_t layer, bool is_wanted) {
        auto &count = wanted_[loop * most_layers + layer];
        is_wanted ? ++count : --count;
    }
    void want_keyframe(uint8_t layer) { keyframes_[layer] = true; }
    std::vector<rtc::room::LayerFacts> facts() const {
        std::vector<rtc::room::LayerFacts> out;
        for (size_t i = 0; i < layers; ++i)
            out.push_back(
                {facts_[i].bitrate != 0, facts_[i].bitrate, facts_[i].width, facts_[i].height});
        return out;
    }

    // --- the sender -----------------------------------------------------------------------
    bool is_wanted(size_t loop, uint8_t layer) const {
        return wanted_[loop * most_layers + layer].load(std::memory_order_relaxed) != 0;
    }
    bool take_keyframe_request(uint8_t layer) {
        return keyframes_[layer].load(std::memory_order_relaxed) &&
               keyframes_[layer].exchange(false);
    }
    void set_facts(size_t layer, const rtc::room::LayerFacts &facts) {
        // A layer that sends next to nothing, as a still screen, is active all the same.
        facts_[layer].bitrate = facts.is_active ? std::max<uint32_t>(facts.bitrate, 1) : 0;
        facts_[layer].width = facts.width;
        facts_[layer].height = facts.height;
    }
    /// Of a microphone: what was heard since the last take_heard().
    void hear_packet() { packets_.fetch_add(1, std::memory_order_relaxed); }
    void hear_level(uint8_t level) {
        levels_.fetch_add(1, std::memory_order_relaxed);
        level_sum_.fetch_add(level, std::memory_order_relaxed);
    }
    rtc::room::Heard take_heard() {
        return {packets_.exchange(0), levels_.exchange(0), level_sum_.exchange(0)};
    }

private:
    struct Facts {
        std::atomic<uint32_t> bitrate{0};
        std::atomic<unsigned> width{0}, height{0};
    };
    std::vector<std::atomic<unsigned>> wanted_; ///< slots; [loop][layer]
    std::array<std::atomic<bool>, most_layers> keyframes_{};
    std::array<Facts, most_layers> facts_;
    std::atomic<unsigned> packets_{0}, levels_{0}, level_sum_{0};
};
using RoomTrackPtr = std::shared_ptr<RoomTrack>;

} // namespace penstock::net
