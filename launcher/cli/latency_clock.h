// SPDX-License-Identifier: LGPL-2.1-or-later
// What `penstock latency` knows of clocks: whether this machine's is kept, and how far it is off.
#pragma once

#include "delay/clock.h"
#include "delay/ntp.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace penstock::cli {

struct Clocks {
    delay::ClockState state;
    std::optional<delay::ClockOffset> offset; ///< what is taken off, measured or stated
    std::string server;                       ///< that it was measured against; empty: stated
};

/// Asks `ntp`, if there is one; `stated` (ms) is not zero otherwise. False and the reason if it
/// can't be asked.
bool look_at_clocks(const std::string &ntp, double stated, Clocks *clocks, std::string *error);
/// "synchronised, within 0.4 ms; 12 ms ahead of pool.ntp.org ± 1.2 ms"
std::string in_words(const Clocks &clocks);
nlohmann::json to_json(const Clocks &clocks);

} // namespace penstock::cli
