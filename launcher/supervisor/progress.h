// SPDX-License-Identifier: LGPL-2.1-or-later
// How far a pipeline is that reads a file and will end.
#pragma once

#include <gst/gst.h>

#include <optional>

namespace penstock::supervisor {

struct Progress {
    gint64 position = 0; ///< ns of media that is done
    gint64 duration = 0; ///< ns in all; above 0
};

/// nullopt for what goes round and round, or has no end: cameras and publishers know no length.
std::optional<Progress> progress_of(GstElement *pipeline);

} // namespace penstock::supervisor
