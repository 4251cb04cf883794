// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a stream's latency goes, hop by hop, and what would make it less.
#pragma once

#include "delay/measured.h"
#include "delay/protocols.h"

#include <string>
#include <vector>

namespace penstock::delay {

/// A part of the latency; a median, in nanoseconds.
struct Part {
    enum class Kind { encode, pacing, relay, delivery, segment, buffer, decode };
    Kind kind = Kind::relay;
    std::string name;     ///< "encoder", "upload", "delivery", "from mux to segment"
    std::string from, to; ///< between which hops; "decoder" and "picture" at the end
    int64_t time = 0;
    bool is_clock = false; ///< what was measured can't be, since clocks differ: there is no time
};

struct Budget {
    int64_t total = 0;       ///< the median from picture to picture, or from the first hop to here
    std::vector<Part> parts; ///< in the stream's order; empty if no hop was stamped
};

Budget budget_of(const Protocol &protocol, const Measured &measured);

/// Sentences, what helps most first. `budget` is that of `measured`. Empty if nothing is worth it.
std::vector<std::string> advice_for(const Protocol &protocol, const Measured &measured,
                                    const Budget &budget);

/// "84 ms", "1.25 s", "4 s".
std::string in_words(int64_t nanoseconds);

} // namespace penstock::delay
