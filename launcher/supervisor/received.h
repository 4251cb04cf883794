// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether that which a pipeline receives is there: a play rule's pipeline starts for nothing else.
#pragma once

#include "description/binding.h"

#include <string>

namespace penstock::supervisor {

/// Of the elements that take a publisher, or share a room, the first URL where none is; empty if
/// there is no such URL. Main loop's thread.
std::string missing_publisher(const description::PipelineText &pipeline,
                              const description::Binding &binding,
                              const description::Captures &captures);

} // namespace penstock::supervisor
