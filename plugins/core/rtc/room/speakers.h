// SPDX-License-Identifier: LGPL-2.1-or-later
// Who of a room speaks, judged by the audio levels that their packets tell (RFC 6464).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace penstock::rtc::room {

/// What was heard of a microphone since the last time.
struct Heard {
    unsigned packets = 0; ///< of audio
    unsigned levels = 0;  ///< of these, those that tell how loud they are
    unsigned sum = 0;     ///< of their levels; -dBov, 0 (loudest) to 127
};

/// Not thread-safe.
class Speakers {
public:
    /// Levels that count as speech: -dBov of a talk at a distance are about 40, of a quiet room
    /// more than 60. Who speaks goes on to do so down to the second.
    static constexpr double begins_at = 42, ends_at = 52;
    static constexpr int64_t hold = 1'000'000'000; ///< ns of silence within a talk

    /// About ten times in a second, for each participant. `now`: ns of any steady clock.
    void hear(uint32_t participant, const Heard &heard, int64_t now);
    void forget(uint32_t participant) { voices_.erase(participant); }

    bool speaks(uint32_t participant) const;
    /// Those who speak now, loudest first.
    std::vector<uint32_t> loudest() const;
    /// Grows each time somebody begins to speak: the highest has begun last. 0: never has.
    uint64_t turn_of(uint32_t participant) const;

private:
    struct Voice {
        double level = 127; ///< -dBov, smoothed
        bool speaks = false;
        int64_t loud_at = 0; ///< ns
        uint64_t turn = 0;
    };
    std::map<uint32_t, Voice> voices_;
    uint64_t turns_ = 0;
};

} // namespace penstock::rtc::room
