// SPDX-License-Identifier: LGPL-2.1-or-later
// What can't run together, and what can't run alone.
#pragma once

#include "supervisor/bindings.h"

#include <string>
#include <vector>

namespace penstock::supervisor {

/// Returns false and sets the reason if two rules match the same paths, of which one would never be
/// used, or if two descriptions serve the same path: the second stream of a name would fail. `play`
/// rules may serve what another description serves, since they wait until nobody feeds it.
bool check_clashes(const Bindings &bindings, std::string *error);

/// One line for each description that reads a channel (`gopsrc`) which no `goptee` of these offers.
std::vector<std::string> missing_channels(const Bindings &bindings);

} // namespace penstock::supervisor
