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

/// The part of the table's columns that a terminal has room for.
struct View {
    size_t columns = 0; ///< width of the terminal; 0: no limit
    bool folds = false; ///< the columns that don't fit stand below; otherwise they are left out
    size_t skipped = 0; ///< columns left out at the left, behind the first; without `folds`

    std::vector<std::string> left_out; ///< set by table_of(): headings of columns left out
    size_t furthest = 0;               ///< set by table_of(): the most that `skipped` makes sense
};

/// A table per process; several lines without a final newline.
std::string table_of(const std::vector<ProcessState> &states, const Output &output, View &view);

} // namespace penstock::cli
