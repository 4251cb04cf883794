// SPDX-License-Identifier: LGPL-2.1-or-later
// What `--set` says, and for which description.
#pragma once

#include "description/binding.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::cli {

using description::Values;
/// Binds every description to its share of the settings. Mistakes go into `errors`, one line each.
std::vector<std::unique_ptr<description::Binding>>
bind_all(const std::vector<const description::Description *> &descriptions,
         const std::vector<std::string> &settings, std::vector<std::string> &errors,
         Values values = Values::all);
/// One description that is told of. nullptr after what is wrong with the settings was printed; its
/// secrets are hidden.
std::unique_ptr<description::Binding> bind_or_say(const description::Description &description,
                                                  const std::vector<std::string> &settings);

} // namespace penstock::cli
