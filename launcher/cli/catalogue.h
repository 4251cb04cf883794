// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptions by name or file, as the commands use them.
#pragma once

#include "description/catalogue.h"

namespace penstock::cli {

using description::all_descriptions;
using description::find_file;
using description::load;
using description::load_and_check;
using description::Loaded;
using description::search_path;

} // namespace penstock::cli
