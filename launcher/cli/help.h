// SPDX-License-Identifier: LGPL-2.1-or-later
// The text of `--help`, wrapped at the terminal's width.
#pragma once

#include <CLI/CLI.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace penstock::cli {

/// Columns of the terminal that stdout is; otherwise $COLUMNS, or 80.
size_t terminal_columns();

/// Breaks `text` at spaces into lines of at most `width` columns. Lines after the first begin with
/// `indent` spaces. A word that is longer than a line is not broken.
std::string wrapped(const std::string &text, size_t width, size_t indent);

/// Wraps text that begins in column `indent` of a terminal; lines after the first begin there, too.
/// A pipe gets it in one line.
std::string in_width(const std::string &text, size_t indent);
/// The same for a command of sh, in lines that can be pasted: they end in ` \` and break in front
/// of options.
std::string command_in_width(const std::string &command, size_t indent);

/// Whether text that begins in this column has a readable width, or belongs on a line of its own.
bool fits_beside(size_t column);

/// Writes help of `width` columns.
std::shared_ptr<CLI::FormatterBase> help_formatter(size_t width);

} // namespace penstock::cli
