// SPDX-License-Identifier: LGPL-2.1-or-later
// The keys that a description may have, by place. The loader takes these and no others, and a test
// holds the published schema to them.
#pragma once

#include <string>
#include <vector>

namespace penstock::description {

enum class Place { top, parameter, start, publish, play, restart, expect, fragment };

/// The keys that a map there may have, in the order in which people are told of them.
const std::vector<std::string> &keys_of(Place place);
/// "publish": how the schema calls it.
const char *name_of(Place place);
/// All of them.
const std::vector<Place> &all_places();

} // namespace penstock::description
