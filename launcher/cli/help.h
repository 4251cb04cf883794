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

/// Indents all lines but the first.
std::string hung(const std::string &text, size_t indent);

/// Writes help of `width` columns.
std::shared_ptr<CLI::FormatterBase> help_formatter(size_t width);

} // namespace penstock::cli
