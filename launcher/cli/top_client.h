// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the state of this user's running processes.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace penstock::cli {

struct ProcessState {
    int process = 0;
    nlohmann::json value; ///< the content described in state/json.h; empty on error
    std::string error;
};

/// `process` 0: all. Waits up to one second per process.
std::vector<ProcessState> ask_processes(unsigned process);

} // namespace penstock::cli
