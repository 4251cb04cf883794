// SPDX-License-Identifier: LGPL-2.1-or-later
// Man page and completion scripts, generated from the command tree.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace penstock::cli {

/// penstock(1) in roff.
std::string man_page(const CLI::App &app);
/// The script for "bash", "zsh" or "fish"; empty for other shells.
std::string completion_script(const CLI::App &app, const std::string &shell);

/// Display form of an option or argument.
struct Shown {
    std::vector<std::string> names; ///< "-s", "--set"; empty: a positional argument
    std::string value;              ///< "NAME=VALUE"; empty: a flag
    std::string what;               ///< help text
    std::string usual;              ///< default value; empty: none, or not worth a word
    bool required = false;
    bool many = false;
};
/// The visible options and arguments of a command, including `--help`.
std::vector<Shown> shown_options(const CLI::App &command);

} // namespace penstock::cli
