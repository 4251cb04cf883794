// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/help.h"

#include "cli/app.h"
#include "cli/generate.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <utility>
#include <vector>

namespace penstock::cli {
namespace {

constexpr size_t narrowest = 40;
/// Text that is wider is hard to read.
constexpr size_t widest = 100;
/// A term that is longer, or longer than a third of a line, stands on a line of its own.
constexpr size_t longest_term = 22;

size_t columns_of(std::string_view text) {
    return size_t(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

using Entries = std::vector<std::pair<std::string, std::string>>; ///< term, description

class Formatter final : public CLI::FormatterBase {
public:
    explicit Formatter(size_t width) : width_(std::clamp(width, narrowest, widest)) {}

    std::string make_help(const CLI::App *app, std::string, CLI::AppFormatMode) const override {
        std::string out = wrapped(app->get_description(), width_, 0) + "\n\n" + usage(*app) + "\n";
        Entries arguments, options, commands;
        for (const Shown &shown : shown_options(*app))
            (shown.names.empty() ? arguments : options)
                .emplace_back(term_of(shown), text_of(shown));
        if (!app->get_parent())
            for (const CLI::App *command : visible_commands(*app))
                commands.emplace_back(command->get_name(), command->get_description());
        for (const auto &[heading, entries] :
             {std::pair("Arguments", &arguments), {"Options", &options}, {"Commands", &commands}})
            if (!entries->empty()) out += std::string("\n") + heading + ":\n" + list(*entries);
        std::istringstream footer(app->get_footer());
        for (std::string line; std::getline(footer, line);)
            out += (line.empty() ? "" : "\n") + wrapped(line, width_, 0) + "\n";
        return out;
    }

private:
    static std::string term_of(const Shown &shown) {
        std::string out;
        for (const std::string &name : shown.names)
            out += (out.empty() ? "" : ", ") + name;
        if (!shown.value.empty()) out += (out.empty() ? "" : " ") + shown.value;
        return out + (shown.many && shown.names.empty() ? "..." : "");
    }
    static std::string text_of(const Shown &shown) {
        return shown.what + (shown.usual.empty() ? "" : " (" + shown.usual + ")") +
               (shown.many && !shown.names.empty() ? "; may be repeated" : "");
    }
    std::string usage(const CLI::App &app) const {
        const std::string begin =
            "Usage: penstock" + (app.get_parent() ? " " + app.get_name() : std::string());
        std::string rest = " [OPTIONS]";
        for (const Shown &shown : shown_options(app))
            if (shown.names.empty())
                rest += " " + (shown.required ? term_of(shown) : "[" + term_of(shown) + "]");
        if (!app.get_parent()) rest += " COMMAND";
        return wrapped(begin + rest, width_, begin.size() + 1);
    }
    std::string list(const Entries &entries) const {
        size_t longest = 0;
        for (const auto &[term, text] : entries)
            if (const size_t columns = columns_of(term);
                columns <= std::min(longest_term, width_ / 3))
                longest = std::max(longest, columns);
        const size_t indent = longest + 4; // two on each side
        std::string out;
        for (const auto &[term, text] : entries) {
            const size_t columns = columns_of(term);
            const bool fits = columns <= longest;
            std::string line = "  " + term;
            line += fits ? std::string(indent - 2 - columns, ' ') : "\n" + std::string(indent, ' ');
            // The indentation counts, but is no space to break at.
            out += line + hung(wrapped(text, width_ - indent, 0), indent) + "\n";
        }
        return out;
    }

    const size_t width_;
};

} // namespace

size_t terminal_columns() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char *columns = std::getenv("COLUMNS");
    const int number = columns ? std::atoi(columns) : 0;
    return number > 0 ? size_t(number) : 80;
}

std::string wrapped(const std::string &text, size_t width, size_t indent) {
    std::string out;
    size_t used = 0;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const size_t columns = columns_of(word);
        if (used > 0 && used + 1 + columns > width) {
            out += "\n" + std::string(indent, ' ');
            used = indent;
        } else if (used > 0) {
            out += ' ';
            ++used;
        }
        out += word;
        used += columns;
    }
    return out;
}

std::string hung(const std::string &text, size_t indent) {
    std::string out;
    for (const char c : text)
        out += c == '\n' ? "\n" + std::string(indent, ' ') : std::string(1, c);
    return out;
}

std::shared_ptr<CLI::FormatterBase> help_formatter(size_t width) {
    return std::make_shared<Formatter>(width);
}

} // namespace penstock::cli
