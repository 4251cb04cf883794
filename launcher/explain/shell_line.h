// SPDX-License-Identifier: LGPL-2.1-or-later
// Converts a pipeline to a gst-launch-1.0 command for a shell.
#pragma once

#include "description/binding.h"

#include <string>

namespace penstock::explain {

/// Expands the text for display; captures become `{name}`, secrets and missing values `<name>`.
std::string expand_for_reading(const description::Pieces &pieces,
                               const description::Binding &binding);

/// Begins with "gst-launch-1.0"; lines are continued with a backslash. Contains only fragments
/// whose conditions are true.
std::string shell_line(const description::PipelineText &pipeline,
                       const description::Binding &binding);

} // namespace penstock::explain
