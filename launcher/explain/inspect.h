// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds out what a pipeline does by running it briefly, with stand-ins for elements that would open
// a port or device or write a file.
#pragma once

#include "description/binding.h"
#include "explain/graph.h"

#include <chrono>

namespace penstock::explain {

/// Maximum duration of the trial.
inline constexpr std::chrono::milliseconds default_patience{6000};

/// `captures` are the captured names of the rule's `match`; empty for a `start` pipeline. Needs
/// gst_init().
Graph inspect(const description::PipelineText &pipeline, const description::Binding &binding,
              const std::vector<std::string> &captures,
              std::chrono::milliseconds patience = default_patience);

} // namespace penstock::explain
