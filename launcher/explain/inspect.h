// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds out what a pipeline does by trying it for a moment, with stand-ins for all that would open
// a port, a device or a file to write.
#pragma once

#include "description/binding.h"
#include "explain/graph.h"

#include <chrono>

namespace penstock::explain {

/// The longest that a pipeline is tried.
inline constexpr std::chrono::milliseconds default_patience{6000};

/// `captures` are the names that the rule's `match` captures; none for a `start` pipeline.
/// gst_init() comes first.
Graph inspect(const description::PipelineText &pipeline, const description::Binding &binding,
              const std::vector<std::string> &captures,
              std::chrono::milliseconds patience = default_patience);

} // namespace penstock::explain
