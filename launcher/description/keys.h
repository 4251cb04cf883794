// SPDX-License-Identifier: LGPL-2.1-or-later
// The keys of a description, by the kind of map. The loader accepts only these, and a test checks
// that the JSON Schema lists the same.
#pragma once

#include <string>
#include <vector>

namespace penstock::description {

enum class Place {
    top,
    parameter,
    start,
    publish,
    play,
    authorize,
    jwt,
    notify,
    page,
    multitrack,
    rendition,
    restart,
    expect,
    output,
    fragment
};

/// The keys that are allowed in such a map, in display order.
const std::vector<std::string> &keys_of(Place place);
/// The schema's name for it: "publish".
const char *name_of(Place place);
const std::vector<Place> &all_places();

} // namespace penstock::description
