// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps a test from writing the user's files: recordings go into a temporary directory.
#pragma once

#include "description/binding.h"

#include <map>
#include <string>

namespace penstock::expect {

/// Whether the property of this element names a file or a directory that is written. `value` is its
/// expanded value.
bool is_written(const std::string &factory, const std::string &property, const std::string &value);

/// A temporary directory, made when it is needed and removed with all that is in it on destruction.
class Files {
public:
    Files() = default;
    ~Files();
    Files(const Files &) = delete;
    Files &operator=(const Files &) = delete;

    /// Replaces the directories of all files that the description's pipelines write. Call before
    /// the pipelines are made. Captures are replaced by "test". `binding` is one of `description`.
    /// Returns false and sets the reason if the temporary directory can't be made.
    bool redirect(description::Description &description, const description::Binding &binding,
                  std::string *error);

private:
    bool redirect(description::Item &item, const description::Binding &binding,
                  const description::Captures &captures, std::string *error);
    /// The substitute for a directory; empty, with the reason in `error`, if there is none.
    std::string instead_of(const std::string &directory, std::string *error);

    std::string root_;
    std::map<std::string, std::string> directories_;
};

} // namespace penstock::expect
