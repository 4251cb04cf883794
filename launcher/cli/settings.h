// SPDX-License-Identifier: LGPL-2.1-or-later
// Assigns `--set` options to descriptions.
#pragma once

#include "description/binding.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock::cli {

using description::Values;
/// Binds each description with the settings that apply to it. Adds one line per mistake to
/// `errors`.
std::vector<std::unique_ptr<description::Binding>>
bind_all(const std::vector<const description::Description *> &descriptions,
         const std::vector<std::string> &settings, std::vector<std::string> &errors,
         Values values = Values::all);
/// A line for each setting that names a description (`live.rtmp=:1936`) while another description
/// has a parameter of that name with a different default.
std::vector<std::string>
differences(const std::vector<std::unique_ptr<description::Binding>> &bindings,
            const std::vector<std::string> &settings);
/// A line for each setting without effect: the other values leave out what uses it.
std::vector<std::string> unused(const std::vector<std::unique_ptr<description::Binding>> &bindings,
                                const std::vector<std::string> &settings);
/// Binds a single description for display and hides its secrets. On failure prints the mistakes and
/// returns nullptr.
std::unique_ptr<description::Binding> bind_or_say(const description::Description &description,
                                                  const std::vector<std::string> &settings);

} // namespace penstock::cli
