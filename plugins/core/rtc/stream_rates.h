// SPDX-License-Identifier: LGPL-2.1-or-later
// The levels at which a stream can be sent to a viewer, and the bitrate of each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace penstock::rtc {

/// Video tracks of a stream that viewers can get: FLV's default track, 0, and lower ones.
inline constexpr size_t max_rungs = 4;

/// How much of a stream's video a viewer gets.
enum class Detail : uint8_t { none, keyframes, all };

/// What a viewer gets beside the audio.
struct Level {
    Detail detail = Detail::all;
    uint8_t rung = 0; ///< the video track
    bool operator==(const Level &) const = default;
};

/// Bitrates of a stream's tracks as they are sent to a viewer, headers and encryption included, in
/// bit/s.
struct StreamRates {
    struct Rung {
        uint32_t all = 0; ///< 0: the track sends nothing, or can't be sent
        uint32_t keyframes = 0;
    };
    uint32_t audio = 0; ///< 0: there is none
    std::array<Rung, max_rungs> rungs{};

    /// Whether a viewer can get it; of a stream without audio none is not of use.
    bool has(Level level) const {
        if (level.detail == Detail::none) return audio > 0;
        return level.rung < max_rungs && rungs[level.rung].all > 0;
    }
    /// The next level below; nullopt: there is none.
    std::optional<Level> below(Level level) const;
    /// The next one above; nullopt: it is the best.
    std::optional<Level> above(Level level) const;
    /// What the network has to carry; bit/s. Keyframes may come slowly, or only some of them.
    uint64_t needed(Level level) const;
};

} // namespace penstock::rtc
