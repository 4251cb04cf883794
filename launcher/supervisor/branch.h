// SPDX-License-Identifier: LGPL-2.1-or-later
// Takes a failed branch of a goptee out of a running pipeline, and nothing else.
#pragma once

#include "gst/ptr.h"
#include "supervisor/main_loop.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// Elements linked to one another behind goptee pads, as direct children of one pipeline.
struct Branch {
    std::vector<GstPtr<GstPad>> tee_pads; ///< the goptee source pads it begins at
    std::vector<GstPtr<GstElement>> elements;
    std::string label; ///< "gop.src_1 (flvlivedemux 'demux', hlssegmenter 'hls')"
};

/// The pipeline's own child that `object` is, or is inside of; empty if there is none.
GstPtr<GstElement> child_of(GstElement *pipeline, GstObject *object);

/// The branch that the failing object belongs to. nullopt if it is not behind a goptee of this
/// pipeline: then the pipeline itself has failed.
std::optional<Branch> find_branch(GstElement *pipeline, GstObject *failed);

/// Unlinks the branch now; its elements are stopped and removed on another thread, since one that
/// hangs must not hold up the caller. `gone` is posted to the main loop when they are.
void remove_branch(GstElement *pipeline, Branch branch, Task gone);

} // namespace penstock::supervisor
