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

/// How closely a description is looked at: what it says, whether its elements are there and take
/// it, or all that can be known without running it.
enum class Look { text, elements, everything };
/// The description of that name or file; nullptr after what is wrong was printed.
std::unique_ptr<description::Description> load_or_say(const std::string &name, Look look);

} // namespace penstock::cli
