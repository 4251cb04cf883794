// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the code in each frame of a stream: first where it was last, then anywhere.
#pragma once

#include "core/latency/finder.h"

#include <optional>

namespace penstock::latency {

struct Reading {
    Stamp stamp;
    Place place;
};

/// Not thread-safe.
class Reader {
public:
    /// Whose codes are read; anybody's without.
    explicit Reader(std::optional<uint16_t> source = {}) : source_(source) {}

    /// The code in this frame. Where several are, the one that the last frame had, or the first
    /// that is found.
    std::optional<Reading> read(const Luma &luma);

private:
    bool take(const Luma &luma, const Place &place, std::optional<Reading> &out) const;

    std::optional<uint16_t> source_;
    std::optional<Place> last_;
};

} // namespace penstock::latency
