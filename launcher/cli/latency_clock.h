// SPDX-License-Identifier: LGPL-2.1-or-later
// Clock information of `penstock latency`: whether this machine's clock is synchronised, and its
// offset.
#pragma once

#include "delay/clock.h"
#include "delay/ntp.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace penstock::cli {

struct Clocks {
    delay::ClockState state;
    std::optional<delay::ClockOffset> offset; ///< the offset that is subtracted, measured or given
    std::string server; ///< NTP server of the measurement; empty: given by the user
};

/// Queries the NTP server `ntp` unless it is empty; else uses `stated` (ms) if it is not zero.
/// Returns false and sets the reason on failure.
bool look_at_clocks(const std::string &ntp, double stated, Clocks *clocks, std::string *error);
/// "synchronised, within 0.4 ms; 12 ms ahead of pool.ntp.org ± 1.2 ms"
std::string in_words(const Clocks &clocks);
nlohmann::json to_json(const Clocks &clocks);

} // namespace penstock::cli
