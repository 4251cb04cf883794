// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands for sending a camera from another machine to a description.
#pragma once

#include "description/binding.h"

#include <string>
#include <vector>

namespace penstock::cli {

struct Sender {
    std::string label;  ///< "Linux", "Windows", "macOS", "OBS"
    std::string system; ///< machine-readable: "linux", "windows", "macos", "obs"
    std::string text;   ///< a command; for OBS, its settings
    std::string note;   ///< what to replace, and how to find device names
};

/// Empty if nothing can be published. HOST stands for this machine's address if it listens on all
/// interfaces, NAME for a captured name, KEY for a required key.
std::vector<Sender> senders_of(const description::Binding &binding);

} // namespace penstock::cli
