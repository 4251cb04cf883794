// SPDX-License-Identifier: LGPL-2.1-or-later
// Progress of a pipeline that reads a file and ends.
#pragma once

#include <gst/gst.h>

#include <optional>

namespace penstock::supervisor {

struct Progress {
    gint64 position = 0; ///< ns of media processed
    gint64 duration = 0; ///< total ns; above 0
};

/// nullopt if the input loops or has no known duration, as cameras and publishers do.
std::optional<Progress> progress_of(GstElement *pipeline);

} // namespace penstock::supervisor
