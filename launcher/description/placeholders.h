// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks placeholders against the parameters they name.
#pragma once

#include "description/description.h"

namespace penstock::description {

/// Every placeholder names a parameter or a capture, with a unit where one is needed and a setting
/// that there is. `where` gives the file's place of an offset.
void check_pieces(const Pieces &pieces, const Node &node, const Description &description,
                  const std::vector<std::string> &captures, Problems &problems);

} // namespace penstock::description
