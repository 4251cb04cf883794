// SPDX-License-Identifier: LGPL-2.1-or-later
// Where running processes offer their state: PID.sock in a directory that only the user can enter.
#pragma once

#include <string>
#include <vector>

namespace penstock::api {

/// $XDG_RUNTIME_DIR/penstock, or /tmp/penstock-UID where there is no such directory. `create`
/// makes it, with mode 0700. Empty, and the reason, if it is not there, or is not the user's own
/// or open to others: /tmp is everybody's.
std::string state_directory(bool create, std::string *error);

struct StateSocket {
    int process = 0;
    std::string path;
};
/// The sockets of live processes; those that dead processes left behind are removed.
std::vector<StateSocket> state_sockets();

} // namespace penstock::api
