// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/decode_times.h"

#include <algorithm>

namespace penstock::hls {

void DecodeTimes::complete(std::vector<Sample> &samples) {
    const bool complete = std::all_of(samples.begin(), samples.end(),
                                      [](const Sample &sample) { return sample.dts.has_value(); });
    if (complete) return;
    // The n-th frame in decoding order gets the display time of the n-th frame in display order,
    // minus the largest delay between the two orders.
    std::vector<int64_t> shown;
    shown.reserve(samples.size());
    for (const Sample &sample : samples)
        shown.push_back(sample.pts);
    std::sort(shown.begin(), shown.end());
    for (size_t i = 0; i < samples.size(); ++i)
        reorder_delay_ = std::max(reorder_delay_, shown[i] - samples[i].pts);
    for (size_t i = 0; i < samples.size(); ++i)
        samples[i].dts = shown[i] - reorder_delay_;
}

} // namespace penstock::hls
