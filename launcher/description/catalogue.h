// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds descriptions by name or file.
#pragma once

#include "description/description.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::description {

/// Where names are looked up: $PENSTOCK_PIPELINES (a list with colons), the user's configuration,
/// the installed data directory. Earlier ones win.
std::vector<std::string> search_path();
/// Every description there is: its name and its file.
std::map<std::string, std::string> all_descriptions();
/// The file of a name, or the argument itself if it is a file's. Empty if there is none, with the
/// message in `error`.
std::string find_file(const std::string &argument, std::string *error);

struct Loaded {
    Source source;
    Problems problems;
    std::unique_ptr<Description> description; ///< nullptr if there are problems
    std::string render_problems() const { return source.render(problems); }
};

/// Loads a file and checks its elements too, if `elements`.
Loaded load(const std::string &file, bool elements);
/// The same from text; `name` stands for the file's.
Loaded load_text(const std::string &name, std::string text, bool elements);
/// Loads a file to say all that is wrong with it.
Loaded load_and_check(const std::string &file);

} // namespace penstock::description
