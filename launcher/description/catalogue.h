// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds descriptions by name or file.
#pragma once

#include "description/description.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::description {

/// The directories where names are looked up, in order of precedence: $PENSTOCK_PIPELINES
/// (colon-separated), the user's configuration, the installed data directory.
std::vector<std::string> search_path();
/// Maps the names of all descriptions to their files.
std::map<std::string, std::string> all_descriptions();
/// Returns the file of a name, or `argument` itself if it is a file. On failure returns an empty
/// string and sets `error`.
std::string find_file(const std::string &argument, std::string *error);

struct Loaded {
    Source source;
    Problems problems;
    std::unique_ptr<Description> description; ///< nullptr if there are problems
    std::string render_problems() const { return source.render(problems); }
    /// The warnings about probable mistakes; empty if there are none.
    std::string render_warnings() const;
};

/// Loads a file; with `elements`, also checks its elements against GStreamer's registry.
Loaded load(const std::string &file, bool elements);
/// Loads from text; `name` is used as the file name in messages.
Loaded load_text(const std::string &name, std::string text, bool elements);
/// Loads a file and reports everything that is wrong with it.
Loaded load_and_check(const std::string &file);

} // namespace penstock::description
