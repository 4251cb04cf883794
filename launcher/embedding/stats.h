// SPDX-License-Identifier: LGPL-2.1-or-later
// Statistics as GVariant and as JSON.
#pragma once

#include "gst/ptr.h"

#include <map>
#include <string>
#include <vector>

namespace penstock::embedding {

struct StatsOf {
    bool running = false;
    gint64 since = 0; ///< monotonic, µs
    std::vector<std::pair<std::string, GstPtr<GstElement>>> pipelines;
};

/// An `a{sv}`, floating.
GVariant *make_stats(const StatsOf &what);
std::string to_json(GVariant *value);

} // namespace penstock::embedding
