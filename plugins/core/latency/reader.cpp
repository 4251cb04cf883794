// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/latency/reader.h"

namespace penstock::latency {

bool Reader::take(const Luma &luma, const Place &place, std::optional<Reading> &out) const {
    Samples samples;
    Codeword word;
    if (!measure(luma, place, samples) || !word_by_bars(samples, word)) return false;
    std::optional<Stamp> stamp = decode(word);
    for (int reach = 2; !stamp && reach > 0; --reach) {
        word_by_neighbours(samples, reach, word);
        stamp = decode(word);
    }
    if (!stamp || (source_ && stamp->source != *source_)) return false;
    out = {*stamp, place};
    return true;
}

std::optional<Reading> Reader::read(const Luma &luma) {
    std::optional<Reading> reading;
    if (luma.width < cells::width || luma.height < cells::rows) return reading;
    if (last_ && take(luma, *last_, reading)) return reading;
    if (find(luma, [&](const Place &place) { return take(luma, place, reading); }))
        last_ = reading->place;
    return reading;
}

} // namespace penstock::latency
