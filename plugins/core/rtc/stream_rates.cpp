// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/stream_rates.h"

#include <algorithm>

namespace penstock::rtc {
namespace {

/// Of a stream's keyframes this share is still worth sending, and this many bit/s at least.
constexpr double worthwhile = 0.3;
constexpr uint64_t least_keyframes = 24'000;

} // namespace

std::optional<Level> StreamRates::below(Level level) const {
    if (level.detail == Detail::all) {
        // A track that sends more than the one above it is no help.
        for (uint8_t rung = level.rung + 1; rung < max_rungs; ++rung)
            if (rungs[rung].all > 0 &&
                (rungs[level.rung].all == 0 || rungs[rung].all < rungs[level.rung].all))
                return Level{Detail::all, rung};
        return Level{Detail::keyframes, level.rung};
    }
    if (level.detail == Detail::keyframes && audio > 0) return Level{Detail::none, level.rung};
    return std::nullopt;
}

std::optional<Level> StreamRates::above(Level level) const {
    if (level.detail != Detail::all) {
        // The rung is the lowest that there is, which may have changed.
        uint8_t lowest = 0;
        for (std::optional<Level> next = Level{Detail::all, 0}; next && next->detail == Detail::all;
             next = below(*next))
            lowest = next->rung;
        if (rungs[lowest].all == 0) return std::nullopt;
        return Level{level.detail == Detail::none ? Detail::keyframes : Detail::all, lowest};
    }
    std::optional<Level> found;
    for (std::optional<Level> next = Level{Detail::all, 0};
         next && next->detail == Detail::all && next->rung < level.rung; next = below(*next))
        if (rungs[next->rung].all > 0) found = next;
    return found;
}

uint64_t StreamRates::needed(Level level) const {
    const Rung &rung = rungs[std::min<size_t>(level.rung, max_rungs - 1)];
    switch (level.detail) {
    case Detail::none:
        return audio;
    case Detail::keyframes:
        return audio + std::max(least_keyframes,
                                static_cast<uint64_t>(worthwhile * double(rung.keyframes)));
    case Detail::all:
        break;
    }
    return uint64_t(audio) + rung.all;
}

} // namespace penstock::rtc
