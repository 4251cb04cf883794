// SPDX-License-Identifier: LGPL-2.1-or-later
// The commands. Each returns the process's exit code.
#pragma once

#include <string>
#include <vector>

namespace penstock::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

int list(bool json);
int show(const std::string &name, const std::vector<std::string> &settings, bool json);
int check(const std::vector<std::string> &files, bool json);
/// What explain_description() prints: launch lines with a drawing, Graphviz's text, a picture, or
/// JSON.
enum class Form { text, dot, svg, json };
int explain_description(const std::string &name, const std::vector<std::string> &settings,
                        Form form);
/// `settings` are "name=value" or "description.name=value". SIGINT, SIGTERM and SIGHUP are blocked
/// in every thread.
int run(const std::vector<std::string> &names, const std::vector<std::string> &settings);

} // namespace penstock::cli
