// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the places in which a description uses its parameters.
#pragma once

#include "description/binding.h"

#include <string>
#include <vector>

namespace penstock::description {

/// The conditions that keep a parameter from having an effect, with the binding's values: all its
/// uses are in fragments of which one of these is false. Of several fragments the one that lacks
/// least is taken. Empty: it has an effect, or nothing in the description uses it.
std::vector<Condition> unused_because(const Binding &binding, const std::string &parameter);

} // namespace penstock::description
