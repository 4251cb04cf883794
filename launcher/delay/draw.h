// SPDX-License-Identifier: LGPL-2.1-or-later
// Latency charts: a line over time and bars as SVG, and bars for a terminal.
#pragma once

#include "delay/measured.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::delay {

/// SVG of the latency over time, with its median and 95th percentile.
std::string draw_trace(const Measured &measured, const std::string &title);

/// A group of bars; times in nanoseconds.
struct Bar {
    std::string name;
    /// Median and 95th percentile of one series.
    struct Value {
        int64_t p50 = 0, p95 = 0;
    };
    std::vector<std::optional<Value>> values;
};
/// SVG of grouped bars. The scale is logarithmic, because HLS takes a hundred times longer than the
/// others.
std::string draw_bars(const std::vector<std::string> &series, const std::vector<Bar> &bars,
                      const std::string &title);

/// A bar of block characters, "███▌", that fills `share` (0 to 1) of `width` columns.
std::string text_bar(double share, size_t width);
/// The position of a value on a logarithmic scale from 1 ms to `longest`, 0 to 1.
double log_share(int64_t value, int64_t longest);

} // namespace penstock::delay
