// SPDX-License-Identifier: LGPL-2.1-or-later
// top: shows the state of running processes once per interval.
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/top_client.h"
#include "cli/top_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <sstream>

namespace penstock::cli {
namespace {

using nlohmann::json;

/// The states of all processes, or of the requested one. Processes that have ended meanwhile are
/// omitted; ones that do not answer are included with an error.
std::vector<ProcessState> read_states(const TopOptions &options) {
    std::vector<ProcessState> out;
    for (ProcessState &state : ask_processes(options.process))
        out.push_back(std::move(state));
    return out;
}

void print_json(const std::vector<ProcessState> &states) {
    json all = json::array();
    for (const ProcessState &state : states)
        all.push_back(state.error.empty()
                          ? state.value
                          : json{{"process", state.process}, {"error", state.error}});
    Output::get().print(
        json{{"processes", std::move(all)}}.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string nobody(const TopOptions &options) {
    return options.process ? "no penstock runs as process " + std::to_string(options.process) +
                                 "; `penstock top` alone shows those that do"
                           : "no penstock of this user runs: `penstock run NAME` starts one";
}

/// The table on a terminal, and where it is scrolled to.
class Screen {
public:
    void draw(const std::vector<ProcessState> &states, const std::string &nothing) {
        const Terminal::Size size = Terminal::size();
        view_.columns = size.columns;
        std::vector<std::string> lines;
        std::istringstream text(states.empty() ? nothing : table_of(states, Output::get(), view_));
        for (std::string line; std::getline(text, line);)
            lines.push_back(line);
        view_.skipped = std::min(view_.skipped, view_.furthest);
        rows_ = size.rows > 1 ? size.rows - 1 : lines.size();
        const size_t last = lines.size() > rows_ ? lines.size() - rows_ : 0;
        row_ = std::min(row_, last);
        std::string shown;
        for (size_t i = row_; i < std::min(row_ + rows_, lines.size()); ++i)
            shown += lines[i] + "\n";
        terminal_.draw(shown, footer(states.empty(), row_, last - row_));
    }
    /// Returns false at keys that end it.
    bool scroll(Terminal::Key key) {
        using Key = Terminal::Key;
        switch (key) {
        case Key::quit:
            return false;
        case Key::left:
            view_.skipped -= std::min<size_t>(view_.skipped, 1);
            break;
        case Key::right:
            ++view_.skipped;
            break;
        case Key::up:
            row_ -= std::min<size_t>(row_, 1);
            break;
        case Key::down:
            ++row_;
            break;
        case Key::page_up:
            row_ -= std::min(row_, rows_);
            break;
        case Key::page_down:
            row_ += rows_;
            break;
        case Key::home:
            row_ = view_.skipped = 0;
            break;
        case Key::none:
            break;
        }
        return true;
    }
    Terminal::Key wait(double seconds) { return terminal_.wait(seconds); }

private:
    std::string footer(bool is_empty, size_t above, size_t below) const {
        std::string out;
        const auto add = [&](const std::string &text) { out += (out.empty() ? "" : " · ") + text; };
        if (!is_empty && !view_.left_out.empty()) {
            std::string names;
            for (const std::string &name : view_.left_out)
                names += (names.empty() ? "" : " ") + name;
            add("← → " + names);
        }
        if (above > 0) add("↑ " + std::to_string(above) + " more");
        if (below > 0) add("↓ " + std::to_string(below) + " more");
        add("q quits");
        return Output::get().dim(out);
    }

    Terminal terminal_{true};
    View view_;
    size_t row_ = 0;  ///< the first line that is shown
    size_t rows_ = 0; ///< of the screen
};

double seconds_to(std::chrono::steady_clock::time_point then) {
    return std::chrono::duration<double>(then - std::chrono::steady_clock::now()).count();
}

int top_on_terminal(const TopOptions &options, std::vector<ProcessState> before) {
    Screen screen;
    std::vector<ProcessState> shown = with_rates(before, {});
    auto due = std::chrono::steady_clock::now();
    while (true) {
        screen.draw(shown, nobody(options));
        due = std::max(due, std::chrono::steady_clock::now()) +
              std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                  std::chrono::duration<double>(options.interval));
        for (double left = seconds_to(due); left > 0; left = seconds_to(due)) {
            const Terminal::Key key = screen.wait(left);
            if (!screen.scroll(key)) return exit_ok;
            if (key != Terminal::Key::none) screen.draw(shown, nobody(options));
        }
        std::vector<ProcessState> now = read_states(options);
        shown = with_rates(now, before);
        before = std::move(now);
    }
}

} // namespace

int top(const TopOptions &options) {
    Output &output = Output::get();
    std::vector<ProcessState> before = read_states(options);
    if (before.empty() && (options.once || options.process || !output.is_terminal())) {
        output.error(nobody(options));
        return exit_failed;
    }
    if (output.is_terminal() && !options.once && !options.json)
        return top_on_terminal(options, std::move(before));
    Terminal terminal(false);
    View view{.columns = output.is_terminal() ? Terminal::size().columns : 0, .folds = true};
    if (options.json && !options.once) print_json(with_rates(before, {}));
    while (terminal.wait(options.interval) != Terminal::Key::quit) {
        std::vector<ProcessState> now = read_states(options);
        const std::vector<ProcessState> shown = with_rates(now, before);
        if (options.json)
            print_json(shown);
        else
            output.print(table_of(shown, output, view));
        // The watched processes have ended and output is not interactive.
        if (shown.empty()) return options.once ? exit_failed : exit_ok;
        if (options.once) return exit_ok;
        before = std::move(now);
    }
    return exit_ok;
}

} // namespace penstock::cli
