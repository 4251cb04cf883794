// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the locations of a pipeline that get their media from one pad alone.
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

namespace penstock::supervisor {

/// The `location` of each sink that is downstream of an element's source pad, as long as the sink
/// has no other pad: nothing is there if nothing comes out of that one. Empty if the element has no
/// such pad. Any thread, while the pipeline runs.
std::vector<std::string> outputs_behind(GstElement *element, const char *pad);

} // namespace penstock::supervisor
