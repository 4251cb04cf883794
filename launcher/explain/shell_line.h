// SPDX-License-Identifier: LGPL-2.1-or-later
// A pipeline as a gst-launch-1.0 line that can be pasted into a shell.
#pragma once

#include "description/binding.h"

#include <string>

namespace penstock::explain {

/// The text with its values; a capture is `{name}`, a secret and a value that is missing `<name>`.
std::string expand_for_reading(const description::Pieces &pieces,
                               const description::Binding &binding);

/// Begins with "gst-launch-1.0" and has several lines that end in a backslash. Only the fragments
/// whose conditions hold are in it.
std::string shell_line(const description::PipelineText &pipeline,
                       const description::Binding &binding);

} // namespace penstock::explain
