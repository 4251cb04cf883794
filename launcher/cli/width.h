// SPDX-License-Identifier: LGPL-2.1-or-later
// Text that fits the terminal.
#pragma once

#include <cstddef>
#include <string>

namespace penstock::cli {

/// Wraps text that begins in column `indent` of a terminal; lines after the first begin there, too.
/// A pipe gets it in one line.
std::string in_width(const std::string &text, size_t indent);
/// The same for a command of sh, in lines that end in ` \`, so that they can be pasted.
std::string command_in_width(const std::string &command, size_t indent);

/// An error or warning in lines of at most `columns`: words are wrapped, and of a source line with
/// a caret below it only what is around the caret is left. `text` does not end in a newline.
std::string error_in_width(const std::string &text, size_t columns);

/// Whether text that begins in this column has a readable width, or belongs on a line of its own.
bool fits_beside(size_t column);

} // namespace penstock::cli
