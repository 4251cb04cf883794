// SPDX-License-Identifier: LGPL-2.1-or-later
// Applies `authorize` and `notify` of a description to the peers of its listeners.
#pragma once

#include "core/net/stream/peer.h"
#include "description/binding.h"
#include "supervisor/listeners.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// A watch that is to be added to a listener, and is in effect as long as this exists.
struct Guard {
    std::shared_ptr<protocols::Listener> listener;
    std::shared_ptr<net::PeerWatch> watch;
};
using Guards = std::vector<Guard>;

/// Appends what guards the listeners of a description; nothing if it admits everybody. Reads the
/// files of keys. False and the reason if a value or a file can't be used.
bool make_guards(const description::Binding &binding,
                 std::span<const std::shared_ptr<protocols::Listener>> listeners, Guards &out,
                 std::string *error);

/// Equal texts mean equal guards. Contains secrets: not for display.
std::string authorization_of(const description::Binding &binding);

} // namespace penstock::supervisor
