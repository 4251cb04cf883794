// SPDX-License-Identifier: LGPL-2.1-or-later
// Warns of rules whose pipelines write over each other's files.
#pragma once

#include "description/description.h"

namespace penstock::description {

void warn_of_recordings(const Description &description, Problems &warnings);

} // namespace penstock::description
