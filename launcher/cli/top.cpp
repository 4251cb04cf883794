// SPDX-License-Identifier: LGPL-2.1-or-later
// top: shows the state of running processes once per interval.
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/top_client.h"
#include "cli/top_table.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <map>

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

} // namespace

int top(const TopOptions &options) {
    Output &output = Output::get();
    std::vector<ProcessState> before = read_states(options);
    if (before.empty() && (options.once || options.process || !output.is_terminal())) {
        output.error(nobody(options));
        return exit_failed;
    }
    const bool live = output.is_terminal() && !options.once && !options.json;
    Terminal terminal(live);
    if (options.json && !options.once) print_json(with_rates(before, {}));
    if (live) terminal.draw(table_of(with_rates(before, {}), output));
    while (terminal.wait(options.interval)) {
        const std::vector<ProcessState> now = with_rates(read_states(options), before);
        if (options.json)
            print_json(now);
        else if (live)
            terminal.draw(now.empty() ? nobody(options) : table_of(now, output));
        else
            output.print(table_of(now, output));
        // The watched processes have ended and output is not interactive.
        if (now.empty() && !live) return options.once ? exit_failed : exit_ok;
        if (options.once) return exit_ok;
        before = now;
    }
    return exit_ok;
}

} // namespace penstock::cli
