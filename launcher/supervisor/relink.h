// SPDX-License-Identifier: LGPL-2.1-or-later
// Restores a removed branch in its running pipeline, using the elements of a second copy of the
// pipeline.
#pragma once

#include "gst/ptr.h"
#include "supervisor/branch.h"

#include <string>
#include <utility>
#include <vector>

namespace penstock::supervisor {

/// The direct children of a pipeline in the order in which the launch text created them. Two
/// pipelines made from the same text have corresponding children at the same index.
std::vector<GstElement *> children_as_made(GstElement *pipeline);

/// Identifies a branch by the indices of its elements and the goptee pads where it begins.
struct BranchPlace {
    std::vector<size_t> elements;
    std::vector<std::pair<size_t, std::string>> tee_pads; ///< index of the goptee, name of the pad
    auto operator<=>(const BranchPlace &) const = default;
};
/// Call before the branch is removed. The result has no elements if the branch contains elements
/// that are not in `children`.
BranchPlace place_of(const Branch &branch, const std::vector<GstElement *> &children);

/// Moves the branch at `place` from `copy` (in state NULL) into `pipeline` and starts it.
/// `children` lists the children of `pipeline` and is updated with the new elements. Returns false
/// and sets the reason on failure.
bool relink(GstElement *pipeline, std::vector<GstElement *> &children, GstElement *copy,
            const BranchPlace &place, std::string *error);

} // namespace penstock::supervisor
