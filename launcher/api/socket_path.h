// SPDX-License-Identifier: LGPL-2.1-or-later
// Paths of the state sockets of running processes: PID.sock in a directory private to the user.
#pragma once

#include <string>
#include <vector>

namespace penstock::api {

/// $XDG_RUNTIME_DIR/penstock, or /tmp/penstock-UID without XDG_RUNTIME_DIR. With `create`, creates
/// it with mode 0700. Returns an empty string and sets the reason if it does not exist, belongs to
/// another user or is accessible to others, since anybody may create it in /tmp.
std::string state_directory(bool create, std::string *error);

struct StateSocket {
    int process = 0;
    std::string path;
};
/// The sockets of running processes; removes those left by dead processes.
std::vector<StateSocket> state_sockets();

} // namespace penstock::api
