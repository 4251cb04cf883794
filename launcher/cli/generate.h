// SPDX-License-Identifier: LGPL-2.1-or-later
// Man page and completion scripts, written from the tree of commands that --help is written from.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace penstock::cli {

/// penstock(1), in roff.
std::string man_page(const CLI::App &app);
/// For "bash", "zsh" or "fish"; empty for another.
std::string completion_script(const CLI::App &app, const std::string &shell);

/// How an option or argument is written.
struct Shown {
    std::vector<std::string> names; ///< "-s", "--set"; empty: an argument by its place
    std::string value;              ///< "NAME=VALUE"; empty: a flag
    std::string what;               ///< its help
    bool required = false;
    bool many = false;
};
/// What people see of a command, `--help` included.
std::vector<Shown> shown_options(const CLI::App &command);

} // namespace penstock::cli
