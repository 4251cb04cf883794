// SPDX-License-Identifier: LGPL-2.1-or-later
// Output of `penstock latency` as text and JSON.
#pragma once

#include "cli/latency_clock.h"
#include "delay/budget.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace penstock::cli {

/// One line with the current values: "84 ms  95 %: 91 ms  30.0 fps …".
std::string live_line(const delay::Measured &measured);
/// Prints the summary, the budget and the advice.
void print_summary(const delay::Protocol &protocol, const delay::Measured &measured,
                   const Clocks &clocks);
/// Times in milliseconds; null if not measured.
nlohmann::json to_json(const delay::Protocol &protocol, const delay::Measured &measured);

/// Returns false, after printing an error, if the file can't be written. "-" is stdout.
bool write_file(const std::string &file, const std::string &text);

} // namespace penstock::cli
