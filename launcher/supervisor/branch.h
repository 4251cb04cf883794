// SPDX-License-Identifier: LGPL-2.1-or-later
// Removes a failed branch of a goptee from a running pipeline; the rest of the pipeline goes on.
#pragma once

#include "gst/ptr.h"
#include "supervisor/main_loop.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// Linked elements downstream of goptee pads, all direct children of one pipeline.
struct Branch {
    std::vector<GstPtr<GstPad>> tee_pads; ///< the goptee source pads where it begins
    std::vector<GstPtr<GstElement>> elements;
    std::string label; ///< "gop.src_1 (flvlivedemux 'demux', hlssegmenter 'hls')"
};

/// Returns the direct child of `pipeline` that is or contains `object`; empty if there is none.
GstPtr<GstElement> child_of(GstElement *pipeline, GstObject *object);

/// Finds the branch that contains the failed object. nullopt if the object is not downstream of a
/// goptee in this pipeline: then the pipeline as a whole has failed.
std::optional<Branch> find_branch(GstElement *pipeline, GstObject *failed);

/// Unlinks the branch at once. Its elements are stopped and removed on another thread, because a
/// hanging element must not block the caller; then `gone` is posted to the main loop.
void remove_branch(GstElement *pipeline, Branch branch, Task gone);

} // namespace penstock::supervisor
