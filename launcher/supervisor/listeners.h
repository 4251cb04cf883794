// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens all listeners of a description before any pipeline starts, so that a port in use gives a
// single error.
#pragma once

#include "description/binding.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::supervisor {

/// The ports stay open while these exist.
using Listeners = std::vector<std::shared_ptr<protocols::Listener>>;

/// Opens the listeners that the description needs and appends them to `out`. If an address
/// parameter has port 0, its value in `binding` is replaced by the port that the system chose.
/// Returns false and sets the reason if a port can't be opened.
bool open_listeners(description::Binding &binding, Listeners &out, std::string *error);

/// How another port is chosen, as the end of a sentence: ": --set rtmp=127.0.0.1:PORT"; empty
/// without a parameter.
std::string set_port(const description::Parameter *parameter, const net::Address &address);

} // namespace penstock::supervisor
