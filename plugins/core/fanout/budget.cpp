// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/budget.h"

#include <algorithm>
#include <numeric>

namespace penstock::fanout {

std::vector<uint64_t> share_budget(const std::vector<Demand> &demands) {
    std::vector<size_t> order(demands.size());
    std::iota(order.begin(), order.end(), size_t(0));
    const auto wanted = [&](size_t i) { return double(demands[i].viewers) * demands[i].packets; };
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return wanted(a) < wanted(b); });

    std::vector<uint64_t> intervals(demands.size());
    double used = 0;
    for (size_t rank = 0; rank < order.size(); ++rank) {
        const size_t i = order[rank];
        const Demand &demand = demands[i];
        const double share = std::max(demand.send_rate - used, 0.0) / double(order.size() - rank);
        if (wanted(i) <= share || demand.max_wait == 0) {
            used += wanted(i);
            continue;
        }
        const double wait = share > 0 ? double(demand.viewers) / share * 1e9 : 1e18;
        intervals[i] = static_cast<uint64_t>(std::min(wait, double(demand.max_wait)));
        used += double(demand.viewers) * 1e9 / double(intervals[i]);
    }
    return intervals;
}

} // namespace penstock::fanout
