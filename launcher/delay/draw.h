// SPDX-License-Identifier: LGPL-2.1-or-later
// Charts of latency: a line over time and bars, as SVG, and bars for a terminal.
#pragma once

#include "delay/measured.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::delay {

/// Latency over time, with its median and 95th percentile.
std::string draw_trace(const Measured &measured, const std::string &title);

/// A row of bars. Nanoseconds.
struct Bar {
    std::string name;
    /// One for each series: the median, and how far the 95th percentile is.
    struct Value {
        int64_t p50 = 0, p95 = 0;
    };
    std::vector<std::optional<Value>> values;
};
/// Bars beside one another; the scale is logarithmic, since HLS is a hundred times the rest.
std::string draw_bars(const std::vector<std::string> &series, const std::vector<Bar> &bars,
                      const std::string &title);

/// "███▌": `value` of `whole` in at most `width` characters.
std::string text_bar(double share, size_t width);
/// The share of the logarithmic scale (1 ms to `longest`) that a value has.
double log_share(int64_t value, int64_t longest);

} // namespace penstock::delay
