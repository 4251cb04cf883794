// SPDX-License-Identifier: LGPL-2.1-or-later
// Divides a stream's latency into parts, hop by hop, and suggests how to reduce it.
#pragma once

#include "delay/measured.h"
#include "delay/protocols.h"

#include <string>
#include <vector>

namespace penstock::delay {

/// A part of the latency; `time` is a median in nanoseconds.
struct Part {
    enum class Kind { encode, pacing, relay, delivery, segment, buffer, decode };
    Kind kind = Kind::relay;
    std::string name;     ///< "encoder", "upload", "delivery", "from mux to segment"
    std::string from, to; ///< the hops around it; the last ones are "decoder" and "picture"
    int64_t time = 0;
    /// The measured times are impossible because clocks differ; `time` is unset.
    bool is_clock = false;
};

struct Budget {
    int64_t total = 0; ///< ns; median from capture to display, or from the first hop to this client
    std::vector<Part> parts; ///< in stream order; empty if no hop was stamped
};

Budget budget_of(const Protocol &protocol, const Measured &measured);

/// Advice in full sentences, the most effective first. `budget` must belong to `measured`. Empty if
/// the latency is good.
std::vector<std::string> advice_for(const Protocol &protocol, const Measured &measured,
                                    const Budget &budget);

/// "84 ms", "1.25 s", "4 s".
std::string in_words(int64_t nanoseconds);

} // namespace penstock::delay
