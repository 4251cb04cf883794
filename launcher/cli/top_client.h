// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks running processes of this user for their state.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace penstock::cli {

struct ProcessState {
    int process = 0;
    nlohmann::json value; ///< what state/json.h says; empty if there is an error
    std::string error;
};

/// `process` 0: all. Waits a second for each that does not answer.
std::vector<ProcessState> ask_processes(unsigned process);

} // namespace penstock::cli
