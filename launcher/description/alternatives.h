// SPDX-License-Identifier: LGPL-2.1-or-later
// The shapes that a pipeline can take: which of its fragments are there, for every value that its
// conditions ask for.
#pragma once

#include "description/description.h"

#include <map>
#include <string>
#include <vector>

namespace penstock::description {

/// A word for each parameter that conditions name; no word: any that no condition names.
using Assignment = std::map<std::string, std::optional<std::string>>;

struct Alternative {
    std::vector<const Fragment *> fragments; ///< what is there
    std::vector<Assignment> assignments;     ///< all that lead to it; at least one
};

/// The alternatives that differ. If there are too many assignments to go through, each condition is
/// still tried both ways.
std::vector<Alternative> alternatives_of(const PipelineText &pipeline,
                                         const Description &description);

/// " with source=test": what the assignments of `some` have in common that those of `all` have not;
/// empty if they are all.
std::string say_alternatives(const std::vector<const Alternative *> &some,
                             const std::vector<Alternative> &all);

} // namespace penstock::description
