// SPDX-License-Identifier: LGPL-2.1-or-later
// Rates computed from two states, and a table for display.
#pragma once

#include "cli/output.h"
#include "cli/top_client.h"

namespace penstock::cli {

/// Adds rates since `before` to each pipeline and mount: "in-rate" and "out-rate" (bit/s), and for
/// pipelines "fps" and "drop-rate" (per second). Adds none if there is no earlier state.
std::vector<ProcessState> with_rates(std::vector<ProcessState> now,
                                     const std::vector<ProcessState> &before);

/// The table's lines with newlines: a heading per process, and a line per pipeline.
std::string table_of(const std::vector<ProcessState> &states, const Output &output);

} // namespace penstock::cli
