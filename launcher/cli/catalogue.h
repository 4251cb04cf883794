// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptions by name or file, for the commands.
#pragma once

#include "description/catalogue.h"

namespace penstock::cli {

using description::all_descriptions;
using description::find_file;
using description::load;
using description::load_and_check;
using description::Loaded;
using description::search_path;

/// How thoroughly a description is checked: its text only, its elements as well, or everything that
/// can be checked without running it.
enum class Look { text, elements, everything };
/// Loads a description by name or file. On failure prints the problems, returns nullptr and sets
/// `code`: a name that does not exist is wrong usage, a file with mistakes a failure.
std::unique_ptr<description::Description> load_or_say(const std::string &name, Look look,
                                                      int *code);

} // namespace penstock::cli
