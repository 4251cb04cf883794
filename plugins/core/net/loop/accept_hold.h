// SPDX-License-Identifier: LGPL-2.1-or-later
// Ports that are open before anything is served there.
#pragma once

namespace penstock::net {

/// While one lives, listeners that are opened accept nothing: clients wait in the kernel's queue.
/// For a process that opens its ports before it knows what is served there. Thread-safe.
class AcceptHold {
public:
    AcceptHold();
    ~AcceptHold();
    AcceptHold(const AcceptHold &) = delete;
    AcceptHold &operator=(const AcceptHold &) = delete;
};

} // namespace penstock::net
