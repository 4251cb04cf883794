// SPDX-License-Identifier: LGPL-2.1-or-later
// Rates from two states, and a table for people.
#pragma once

#include "cli/output.h"
#include "cli/top_client.h"

namespace penstock::cli {

/// Adds to each pipeline and mount what went on since `before`: "in-rate", "out-rate" (bit/s) and,
/// for pipelines, "fps" and "drop-rate" (a second). Nothing where there is no earlier state.
std::vector<ProcessState> with_rates(std::vector<ProcessState> now,
                                     const std::vector<ProcessState> &before);

/// Lines with their ends, aligned, for each process a heading and a line for each pipeline.
std::string table_of(const std::vector<ProcessState> &states, const Output &output);

} // namespace penstock::cli
