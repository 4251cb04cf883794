// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/width.h"

#include "cli/help.h"
#include "cli/output.h"

#include <algorithm>
#include <string_view>
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

constexpr size_t source_indent = 4; ///< of a source line and its caret

bool is_caret(std::string_view line) {
    return line.ends_with('^') && line.find_first_not_of(' ') == line.size() - 1;
}

/// A source line and its caret, cut at both sides.
std::string around_caret(const std::string &line, size_t caret, size_t columns) {
    constexpr std::string_view cut = "…";
    std::vector<std::string> letters; // of UTF-8
    for (const char c : line)
        if ((static_cast<unsigned char>(c) & 0xc0) != 0x80 || letters.empty())
            letters.emplace_back(1, c);
        else
            letters.back() += c;
    size_t begin = source_indent, end = letters.size();
    const size_t room = std::max(columns, source_indent + least_text) - source_indent;
    if (end - begin > room) {
        // The caret has at least a third of the room behind it.
        if (caret > begin + room * 2 / 3) begin = std::min(caret - room * 2 / 3, end - room);
        end = begin + room;
    }
    std::string out(source_indent, ' ');
    for (size_t i = begin; i < end; ++i)
        out += (i == begin && begin > source_indent) || (i + 1 == end && end < letters.size())
                   ? std::string(cut)
                   : letters[i];
    return out + "\n" + std::string(source_indent + caret - std::min(caret, begin), ' ') + "^\n";
}

} // namespace

std::string error_in_width(const std::string &text, size_t columns) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    std::string out;
    for (size_t i = 0; i < lines.size(); ++i) {
        if (i + 1 < lines.size() && is_caret(lines[i + 1])) {
            out += around_caret(lines[i], lines[i + 1].size() - 1, columns);
            ++i;
        } else {
            out +=
                (width_of(lines[i]) <= columns ? lines[i] : wrapped(lines[i], columns, 2)) + "\n";
        }
    }
    if (!out.empty()) out.pop_back(); // the last newline
    return out;
}

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
