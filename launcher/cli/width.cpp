// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/width.h"

#include "cli/help.h"
#include "cli/output.h"

#include <algorithm>
#include <vector>

namespace penstock::cli {
namespace {

/// Columns that wrapped text is given at least.
constexpr size_t least_text = 20;
constexpr size_t readable_text = 30;

/// The words of a command, each option together with its value.
std::vector<std::string> parts_of(const std::string &command) {
    std::vector<std::string> out(1);
    char quote = 0;
    for (const char c : command) {
        if (c == ' ' && !quote) {
            out.emplace_back();
            continue;
        }
        if (quote ? c == quote : c == '"' || c == '\'') quote = quote ? 0 : c;
        out.back() += c;
    }
    for (size_t i = 0; i + 1 < out.size(); ++i)
        if (out[i].starts_with('-') && !out[i + 1].starts_with('-')) {
            out[i] += ' ' + out[i + 1];
            out.erase(out.begin() + std::ptrdiff_t(i) + 1);
        }
    return out;
}

} // namespace

std::string in_width(const std::string &text, size_t indent) {
    if (!Output::get().is_terminal() || indent + width_of(text) <= terminal_columns()) return text;
    const size_t columns = std::max<size_t>(terminal_columns(), indent + least_text);
    return hung(wrapped(text, columns - indent, 0), indent);
}

bool fits_beside(size_t column) {
    return !Output::get().is_terminal() || column + readable_text <= terminal_columns();
}

std::string command_in_width(const std::string &command, size_t indent) {
    const size_t columns = terminal_columns();
    if (!Output::get().is_terminal() || indent + width_of(command) <= columns) return command;
    constexpr size_t goes_on = 2; // " \\"
    std::string out;
    size_t used = indent;
    for (const std::string &part : parts_of(command)) {
        const size_t wide = width_of(part);
        if (!out.empty() && used + 1 + wide + goes_on > columns) {
            out += " \\\n" + std::string(indent + 2, ' ');
            used = indent + 2;
        } else if (!out.empty()) {
            out += ' ';
            ++used;
        }
        out += part;
        used += wide;
    }
    return out;
}

} // namespace penstock::cli
