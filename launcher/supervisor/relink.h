// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts a branch that was removed back into its running pipeline: taken from a second copy of it.
#pragma once

#include "gst/ptr.h"
#include "supervisor/branch.h"

#include <string>
#include <utility>
#include <vector>

namespace penstock::supervisor {

/// A pipeline's own children in the order in which the launch text made them: two pipelines of one
/// text have the same at the same index.
std::vector<GstElement *> children_as_made(GstElement *pipeline);

/// Which children a branch consists of, and at which goptee pads it begins.
struct BranchPlace {
    std::vector<size_t> elements;
    std::vector<std::pair<size_t, std::string>> tee_pads; ///< goptee's index, the pad's name
    auto operator<=>(const BranchPlace &) const = default;
};
/// Before the branch is removed. Without elements if it has others than `children`.
BranchPlace place_of(const Branch &branch, const std::vector<GstElement *> &children);

/// Moves the branch at `place` out of `copy` (in state NULL) into `pipeline`, and starts it there.
/// `children` are those of `pipeline` and know the new elements afterwards. False and the reason
/// if it can't be.
bool relink(GstElement *pipeline, std::vector<GstElement *> &children, GstElement *copy,
            const BranchPlace &place, std::string *error);

} // namespace penstock::supervisor
