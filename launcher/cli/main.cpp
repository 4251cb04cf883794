// SPDX-License-Identifier: LGPL-2.1-or-later
// penstock: the command-line program.
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "description/installed.h"
#include "description/source.h"
#include "supervisor/teardown.h"

#include <gst/gst.h>

#include <sys/resource.h>

#include <map>
#include <tuple>

namespace {

using namespace penstock::cli;

/// Each viewer needs an open file, and the usual limit is 1024.
void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

bool has_command(const CLI::App &app, const std::string &name) {
    return !app.get_subcommands([&](const CLI::App *a) { return a->get_name() == name; }).empty();
}

/// How to do what other programs have a command for; nullptr for other words.
const char *instead_of(const std::string &word) {
    static const std::map<std::string, const char *> words = {
        {"help", "`penstock --help` lists the commands, `penstock COMMAND --help` their options"},
        {"version", "`penstock --version` prints it"},
        {"start", "`penstock run NAME` runs a description"},
        {"stop", "Ctrl-C, or `kill -TERM PID`, ends `penstock run`; `penstock top` has its PID"},
        {"status", "`penstock top` shows what runs"},
        {"stats", "`penstock top` shows what runs"},
        {"reload",
         "`kill -HUP PID` has `penstock run` read its files again; `penstock top` has its PID"},
    };
    const auto found = words.find(word);
    return found == words.end() ? nullptr : found->second;
}

/// Describes a command line that CLI11 rejected. `command` is its first word.
std::string mistake_in(const CLI::App &app, const std::string &command, const CLI::ParseError &e) {
    const bool is_command = has_command(app, command);
    const std::string before = is_command ? "penstock " + command : "penstock";
    const std::string help = ": `" + before + " --help` has more";
    const std::string what = e.what();
    if (is_command && e.get_exit_code() == int(CLI::ExitCodes::RequiredError))
        return "`" + before + "` needs a " + what.substr(0, what.find(' ')) + help;
    // "--pid: 1 required PID missing"
    constexpr std::string_view lacks = ": 1 required ";
    if (const size_t at = what.find(lacks); is_command && at != what.npos)
        return what.substr(0, at) + " needs a " +
               what.substr(at + lacks.size(), what.rfind(' ') - at - lacks.size()) + help;
    if (is_command && what.find(": At Most 1 required") != what.npos)
        return "`" + before + "` takes one " + what.substr(0, what.find(':')) + ", not several" +
               help;
    if (is_command && e.get_exit_code() != int(CLI::ExitCodes::ExtrasError)) return what + help;
    // "The following arguments were not expected: ONE TWO"
    std::string extra = is_command ? what.substr(what.rfind(": ") + 2) : command;
    extra = extra.substr(0, extra.find(' '));
    std::vector<std::string> known;
    for (const CLI::Option *option :
         (is_command ? app.get_subcommand(command) : &app)->get_options())
        for (const std::string &name : option->get_lnames())
            known.push_back("--" + name);
    const std::string near = penstock::description::nearest(extra, known);
    return "`" + before + "` does not take '" + extra + "'" +
           (near.empty() ? help : ": did you mean '" + near + "'?");
}

int start(int argc, char **argv) {
    Arguments arguments;
    const auto app = make_app(arguments);
    // A better message than CLI11's, which only says that a subcommand is required.
    std::vector<std::string> commands;
    for (const CLI::App *command : visible_commands(*app))
        commands.push_back(command->get_name());
    const std::string first = argc > 1 ? argv[1] : "";
    if (first.empty() || (first[0] != '-' && !has_command(*app, first))) {
        const std::string known = "the commands are " + penstock::description::enumerate(commands);
        if (const char *instead = instead_of(first)) {
            Output::get().error("there is no command '" + first + "': " + instead);
            return exit_usage;
        }
        Output::get().error(first.empty()
                                ? "say what to do: " + known + "; `penstock --help` has more"
                                : "there is no command '" + first + "': " +
                                      penstock::description::did_you_mean(first, commands, known));
        return exit_usage;
    }
    try {
        app->parse(argc, argv);
    } catch (const CLI::ParseError &e) {
        // CLI11 reports --help and --version as errors with exit code 0.
        if (e.get_exit_code() == 0) return app->exit(e);
        Output::get().error(mistake_in(*app, first, e));
        return exit_usage;
    }

    if (arguments.command == "bench") return bench(arguments.bench);
    if (arguments.command == "completion") return completion(arguments.shell);
    if (arguments.command == "complete") return complete(arguments.kind, arguments.names);
    if (arguments.command == "cameras")
        return cameras({arguments.names, arguments.interface, arguments.listen, arguments.user,
                        arguments.json});
    if (arguments.command == "top")
        return top({arguments.process, arguments.interval, arguments.once, arguments.json});

    block_signals();
    raise_file_limit();
    penstock::description::add_installed_plugins();
    GError *error = nullptr;
    if (!gst_init_check(nullptr, nullptr, &error)) {
        Output::get().error(std::string("GStreamer does not start: ") +
                            (error ? error->message : "no reason given"));
        g_clear_error(&error);
        return exit_failed;
    }
    install_log();
    const auto &[command, names, settings, json] =
        std::tie(arguments.command, arguments.names, arguments.settings, arguments.json);
    if (command == "run") return run(names, settings);
    if (command == "list") return list(json);
    if (command == "show") return show(names[0], settings, json);
    if (command == "explain")
        return explain_description(names[0], settings,
                                   json            ? Form::json
                                   : arguments.dot ? Form::dot
                                   : arguments.svg ? Form::svg
                                                   : Form::text);
    if (command == "test") return test(names, settings, json);
    if (command == "latency") {
        const bool has_one = !arguments.url.empty() || !arguments.ntp.empty();
        if (arguments.matrix == has_one) {
            Output::get().error("`penstock latency` needs either a URL or --matrix");
            return exit_usage;
        }
        return arguments.matrix ? latency_matrix({arguments.over, arguments.seconds, json,
                                                  arguments.plot, arguments.markdown})
                                : latency({arguments.url, arguments.seconds, arguments.wait, json,
                                           arguments.plot, arguments.ntp, arguments.clock_offset,
                                           arguments.tls_ca});
    }
    if (command == "doctor") return doctor(names, settings, json);
    return check(names, json);
}

} // namespace

int main(int argc, char **argv) {
    int code = exit_failed;
    try {
        code = start(argc, argv);
    } catch (const std::exception &e) {
        Output::get().error(std::string("internal error: ") + e.what());
    }
    if (!penstock::supervisor::wait_for_teardowns(time_to_end)) leave_behind(code);
    return code;
}
