// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/speakers.h"

#include <algorithm>

namespace penstock::rtc::room {
namespace {

constexpr double share = 0.4; ///< of a new figure in the smoothed one
constexpr double silent = 127;
/// Ranks are by steps of this, so that two who are about as loud do not change places all the time.
constexpr int rank_step = 6;

int rank_of(double level) {
    return static_cast<int>(level) / rank_step;
}

} // namespace

void Speakers::hear(uint32_t participant, const Heard &heard, int64_t now) {
    Voice &voice = voices_[participant];
    // Of a microphone without levels nothing is known but that it sends.
    const double fresh = heard.packets == 0  ? silent
                         : heard.levels == 0 ? begins_at - 1
                                             : double(heard.sum) / heard.levels;
    voice.level += (fresh - voice.level) * share;
    if (voice.level <= (voice.speaks ? ends_at : begins_at)) {
        voice.loud_at = now;
        if (!voice.speaks) voice.turn = ++turns_;
        voice.speaks = true;
    } else if (now - voice.loud_at > hold) {
        voice.speaks = false;
    }
}

bool Speakers::speaks(uint32_t participant) const {
    const auto found = voices_.find(participant);
    return found != voices_.end() && found->second.speaks;
}

std::vector<uint32_t> Speakers::loudest() const {
    std::vector<uint32_t> out;
    for (const auto &[participant, voice] : voices_)
        if (voice.speaks) out.push_back(participant);
    std::stable_sort(out.begin(), out.end(), [&](uint32_t a, uint32_t b) {
        return rank_of(voices_.at(a).level) < rank_of(voices_.at(b).level);
    });
    return out;
}

uint64_t Speakers::turn_of(uint32_t participant) const {
    const auto found = voices_.find(participant);
    return found == voices_.end() ? 0 : found->second.turn;
}

} // namespace penstock::rtc::room
