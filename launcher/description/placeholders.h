// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks placeholders against the parameters that they name.
#pragma once

#include "description/description.h"

namespace penstock::description {

/// Whether this is `${time}`, the date and time at which a pipeline starts; a parameter of that
/// name comes first.
bool is_time(const Placeholder &placeholder, const Description &description);

/// Checks that every placeholder names a parameter or capture, has a unit if needed, and uses an
/// existing setting. Locations in the file are taken from `node`.
void check_pieces(const Pieces &pieces, const Node &node, const Description &description,
                  const std::vector<std::string> &captures, Problems &problems);

} // namespace penstock::description
