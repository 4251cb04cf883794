// SPDX-License-Identifier: LGPL-2.1-or-later
// What `--set` says, and for which description.
#pragma once

#include "description/binding.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::cli {

/// Binds every description to its share of the settings. Mistakes go into `errors`, one line each.
std::vector<std::unique_ptr<description::Binding>>
bind_all(const std::vector<const description::Description *> &descriptions,
         const std::vector<std::string> &settings, std::vector<std::string> &errors);

} // namespace penstock::cli
