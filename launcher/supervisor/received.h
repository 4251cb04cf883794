// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether that which a pipeline receives is there: a play rule's pipeline starts for nothing else.
#pragma once

#include "description/binding.h"

#include <string>

namespace penstock::supervisor {

/// The first URL of a pipeline's receiving elements at which nobody publishes, or whose room is
/// empty; empty if somebody is at each of them. Main loop's thread.
std::string missing_publisher(const description::PipelineText &pipeline,
                              const description::Binding &binding,
                              const description::Captures &captures);

} // namespace penstock::supervisor
