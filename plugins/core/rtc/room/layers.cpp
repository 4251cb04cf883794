// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/layers.h"

#include <algorithm>
#include <array>

namespace penstock::rtc::room {
namespace {

/// A layer is large enough if it has this share of the pixels of the slot's side.
constexpr double enough = 0.85;
/// What a higher layer may use of the budget: bitrates vary.
constexpr double room_to_rise = 0.9;
/// A layer whose bitrate is not known yet; bit/s.
constexpr uint32_t unknown_bitrate = 150'000;

/// The active layers of a demand, the smallest first.
struct Ladder {
    std::array<uint8_t, most_layers> layers{};
    size_t count = 0;
    size_t top = 0; ///< the highest of use
};

uint32_t bitrate_of(const LayerFacts &facts) {
    return facts.bitrate == 0 ? unknown_bitrate : facts.bitrate;
}

/// The pixels of layers whose keyframes nobody has seen yet, by those of the others: each is half
/// as large as the next.
void guess_sizes(std::span<LayerFacts> ladder) {
    constexpr unsigned usual_width = 1280, usual_height = 720; // of the largest, if none is known
    const auto found = std::find_if(ladder.begin(), ladder.end(),
                                    [](const LayerFacts &facts) { return facts.height != 0; });
    const bool is_known = found != ladder.end();
    const size_t known = is_known ? size_t(found - ladder.begin()) : ladder.size() - 1;
    const unsigned width = is_known ? found->width : usual_width;
    const unsigned height = is_known ? found->height : usual_height;
    for (size_t i = 0; i < ladder.size(); ++i) {
        if (ladder[i].height != 0) continue;
        ladder[i].width = i < known ? width >> (known - i) : width << (i - known);
        ladder[i].height = i < known ? height >> (known - i) : height << (i - known);
    }
}

/// Whichever side is the tighter one counts: the picture is fitted in, or cropped.
bool fills(const LayerFacts &facts, const LayerDemand &demand) {
    return facts.height >= demand.height * enough || facts.width >= demand.width * enough;
}

Ladder ladder_of(const LayerDemand &demand) {
    Ladder out;
    if (demand.width == 0 || demand.height == 0) return out;
    for (size_t i = 0; i < std::min(demand.layers.size(), most_layers); ++i)
        if (demand.layers[i].is_active) out.layers[out.count++] = static_cast<uint8_t>(i);
    const auto begin = out.layers.begin(), end = begin + ptrdiff_t(out.count);
    std::stable_sort(begin, end, [&](uint8_t a, uint8_t b) {
        const LayerFacts &x = demand.layers[a], &y = demand.layers[b];
        if (x.height != y.height && x.height != 0 && y.height != 0) return x.height < y.height;
        return x.bitrate < y.bitrate;
    });
    std::array<LayerFacts, most_layers> facts;
    for (size_t i = 0; i < out.count; ++i)
        facts[i] = demand.layers[out.layers[i]];
    if (out.count > 0) guess_sizes(std::span(facts).first(out.count));
    while (out.top + 1 < out.count && !fills(facts[out.top], demand))
        ++out.top;
    return out;
}

} // namespace

std::vector<std::optional<uint8_t>> choose_layers(std::span<const LayerDemand> demands,
                                                  uint64_t budget) {
    std::vector<Ladder> ladders;
    std::vector<size_t> steps(demands.size()); // 1: the smallest layer
    for (const LayerDemand &demand : demands)
        ladders.push_back(ladder_of(demand));
    const auto cost = [&](size_t i, size_t step) -> uint64_t {
        return step == 0 ? 0 : bitrate_of(demands[i].layers[ladders[i].layers[step - 1]]);
    };
    uint64_t used = 0;
    bool is_first = true;
    for (size_t i = 0; i < demands.size(); ++i) {
        if (ladders[i].count == 0) continue;
        if (!is_first && used + cost(i, 1) > budget) continue;
        is_first = false;
        steps[i] = 1;
        used += cost(i, 1);
    }
    for (bool rises = true; rises;) {
        rises = false;
        for (size_t i = 0; i < demands.size(); ++i) {
            const Ladder &ladder = ladders[i];
            if (steps[i] == 0 || steps[i] > ladder.top) continue;
            const uint64_t next = used - cost(i, steps[i]) + cost(i, steps[i] + 1);
            const auto end = ladder.layers.begin() + ptrdiff_t(ladder.count);
            const auto now = demands[i].current
                                 ? std::find(ladder.layers.begin(), end, *demands[i].current)
                                 : end;
            const bool is_kept = now != end && size_t(now - ladder.layers.begin()) >= steps[i];
            const double most = double(budget) * (is_kept ? 1 : room_to_rise);
            if (double(next) > most) continue;
            used = next;
            ++steps[i];
            rises = true;
        }
    }
    std::vector<std::optional<uint8_t>> out;
    for (size_t i = 0; i < demands.size(); ++i)
        out.push_back(steps[i] == 0 ? std::nullopt
                                    : std::optional(ladders[i].layers[steps[i] - 1]));
    return out;
}

uint64_t wanted_bitrate(std::span<const LayerDemand> demands) {
    uint64_t out = 0;
    for (const LayerDemand &demand : demands)
        if (const Ladder ladder = ladder_of(demand); ladder.count > 0)
            out += bitrate_of(demand.layers[ladder.layers[ladder.top]]);
    return out;
}

} // namespace penstock::rtc::room
