// SPDX-License-Identifier: LGPL-2.1-or-later
// The variants of a pipeline: the sets of fragments that its conditions select for different
// parameter values.
#pragma once

#include "description/description.h"

#include <map>
#include <string>
#include <vector>

namespace penstock::description {

/// A word for each parameter that conditions name; nullopt: a value that no condition names.
using Assignment = std::map<std::string, std::optional<std::string>>;

struct Alternative {
    std::vector<const Fragment *> fragments; ///< the fragments that are used
    std::vector<Assignment> assignments;     ///< all assignments that select them; at least one
};

/// Returns the distinct alternatives. If there are too many assignments to enumerate, each
/// condition is still tried both ways.
std::vector<Alternative> alternatives_of(const PipelineText &pipeline,
                                         const Description &description);

/// Describes `some` among `all` alternatives by the assignments that they share and the others
/// lack: " with source=test". Empty if `some` is all of them.
std::string say_alternatives(const std::vector<const Alternative *> &some,
                             const std::vector<Alternative> &all);

} // namespace penstock::description
