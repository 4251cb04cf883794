// SPDX-License-Identifier: LGPL-2.1-or-later
// How a camera elsewhere is sent to what a description receives: lines to paste.
#pragma once

#include "description/binding.h"

#include <string>
#include <vector>

namespace penstock::cli {

struct Sender {
    std::string label;  ///< "Linux", "Windows", "macOS", "OBS"
    std::string system; ///< for machines: "linux", "windows", "macos", "obs"
    std::string text;   ///< a command; of OBS, its settings
    std::string note;   ///< what to put in place of the capitals, how to find the devices' names
};

/// Empty if nothing can be published. HOST stands for this machine where it listens on every
/// interface, NAME for a captured name, KEY for a key that is needed.
std::vector<Sender> senders_of(const description::Binding &binding);

} // namespace penstock::cli
