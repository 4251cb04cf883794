// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the code in each frame of a stream: first at its previous position, then anywhere.
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
    /// Reads only codes of this source, or of any source without one.
    explicit Reader(std::optional<uint16_t> source = {}) : source_(source) {}

    /// Reads the code in this frame. Of several codes, takes the one at the previous position, else
    /// the first found.
    std::optional<Reading> read(const Luma &luma);

private:
    bool take(const Luma &luma, const Place &place, std::optional<Reading> &out) const;

    std::optional<uint16_t> source_;
    std::optional<Place> last_;
};

} // namespace penstock::latency
