// SPDX-License-Identifier: LGPL-2.1-or-later
// What `penstock latency` says of a measurement, to people and to machines.
#pragma once

#include "cli/latency_clock.h"
#include "delay/budget.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace penstock::cli {

/// "84 ms  95 %: 91 ms  30.0 fps …": what is known up to here, in one line.
std::string live_line(const delay::Measured &measured);
/// Prints the summary, the budget and the advice.
void print_summary(const delay::Protocol &protocol, const delay::Measured &measured,
                   const Clocks &clocks);
/// Milliseconds; null where nothing was measured.
nlohmann::json to_json(const delay::Protocol &protocol, const delay::Measured &measured);

/// False, after an error was printed, if the file can't be written. "-" is stdout.
bool write_file(const std::string &file, const std::string &text);

} // namespace penstock::cli
