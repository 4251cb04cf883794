// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens the ports of a description before anything of it runs, so that one in use is one message.
#pragma once

#include "description/binding.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// Keep their ports open.
using Listeners = std::vector<std::shared_ptr<protocols::Listener>>;

/// Opens what the description listens on, and appends it to `out`. An address parameter whose port
/// is 0 gets, in `binding`, the port that the system chose. False and the reason if a port can't be
/// opened.
bool open_listeners(description::Binding &binding, Listeners &out, std::string *error);

} // namespace penstock::supervisor
