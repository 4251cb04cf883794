// SPDX-License-Identifier: LGPL-2.1-or-later
// The names of the streams that a pipeline offers to others of this process, or takes from them.
#pragma once

#include "description/binding.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::supervisor {

/// The values of `channel` of all elements of this factory; empty ones are left out.
std::vector<std::string> channels_of(const description::PipelineText &pipeline,
                                     std::string_view factory, const description::Binding &binding,
                                     const description::Captures &captures);

} // namespace penstock::supervisor
