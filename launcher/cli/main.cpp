// SPDX-License-Identifier: LGPL-2.1-or-later
// penstock: runs, lists, shows, explains and checks descriptions.
#include "cli/commands.h"
#include "cli/log.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "config.h"
#include "description/source.h"

#include <CLI/CLI.hpp>

#include <gst/gst.h>

#include <sys/resource.h>

namespace {

using namespace penstock::cli;

/// A viewer is an open file, and the usual limit is 1024.
void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int start(int argc, char **argv) {
    CLI::App app("Turns GStreamer pipelines into live-streaming servers.", "penstock");
    app.set_version_flag("--version", "penstock " VERSION);
    app.require_subcommand(1);
    app.footer("A description is a YAML file; NAME is looked up in $PENSTOCK_PIPELINES,\n"
               "~/.config/penstock/pipelines and the installed ones. Exit codes: 0 ok, 1 failed,\n"
               "2 wrong usage.");
    std::vector<std::string> names, settings;
    bool json = false;
    const auto add_settings = [&](CLI::App *command) {
        command
            ->add_option("-s,--set", settings,
                         "A parameter's value: name=value, or DESCRIPTION.name=value")
            ->allow_extra_args(false)
            ->type_name("NAME=VALUE");
    };
    const auto add_json = [&](CLI::App *command) {
        command->add_flag("--json", json, "Output for machines");
    };
    CLI::App *run_command = app.add_subcommand("run", "Run descriptions until Ctrl-C");
    run_command->add_option("description", names, "Names or files")->required()->type_name("NAME");
    add_settings(run_command);
    CLI::App *list_command = app.add_subcommand("list", "List the descriptions there are");
    add_json(list_command);
    CLI::App *show_command =
        app.add_subcommand("show", "Show a description's parameters and what it serves");
    show_command->add_option("description", names, "Name or file")
        ->required()
        ->expected(1)
        ->type_name("NAME");
    add_settings(show_command);
    add_json(show_command);
    bool dot = false, svg = false;
    CLI::App *explain_command = app.add_subcommand(
        "explain", "Say what a description does: launch lines, graph, what is copied or encoded");
    explain_command->add_option("description", names, "Name or file")
        ->required()
        ->expected(1)
        ->type_name("NAME");
    add_settings(explain_command);
    CLI::Option *dot_flag = explain_command->add_flag("--dot", dot, "The graph for Graphviz");
    CLI::Option *svg_flag =
        explain_command->add_flag("--svg", svg, "The graph as a picture (needs graphviz)");
    svg_flag->excludes(dot_flag);
    explain_command->add_flag("--json", json, "Output for machines")
        ->excludes(dot_flag)
        ->excludes(svg_flag);
    CLI::App *check_command =
        app.add_subcommand("check", "Say all that is wrong with descriptions");
    check_command->add_option("description", names, "Names or files")
        ->required()
        ->type_name("FILE");
    add_json(check_command);
    // CLI11 would only say that a subcommand is required.
    std::vector<std::string> commands;
    for (const CLI::App *command : app.get_subcommands({}))
        commands.push_back(command->get_name());
    const std::string first = argc > 1 ? argv[1] : "";
    if (first.empty() ||
        (first[0] != '-' && std::find(commands.begin(), commands.end(), first) == commands.end())) {
        const std::string known = "the commands are " + penstock::description::enumerate(commands);
        Output::get().error(first.empty()
                                ? "say what to do: " + known + "; `penstock --help` has more"
                                : "there is no command '" + first + "': " +
                                      penstock::description::did_you_mean(first, commands, known));
        return exit_usage;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &e) {
        // Help and version are "errors" of CLI11 that went well.
        return app.exit(e) == 0 ? exit_ok : exit_usage;
    }

    block_signals();
    raise_file_limit();
    GError *error = nullptr;
    if (!gst_init_check(nullptr, nullptr, &error)) {
        Output::get().error(std::string("GStreamer does not start: ") +
                            (error ? error->message : "no reason given"));
        g_clear_error(&error);
        return exit_failed;
    }
    install_log();
    if (run_command->parsed()) return run(names, settings);
    if (list_command->parsed()) return list(json);
    if (show_command->parsed()) return show(names[0], settings, json);
    if (explain_command->parsed())
        return explain_description(names[0], settings,
                                   json  ? Form::json
                                   : dot ? Form::dot
                                   : svg ? Form::svg
                                         : Form::text);
    return check(names, json);
}

} // namespace

int main(int argc, char **argv) {
    try {
        return start(argc, argv);
    } catch (const std::exception &e) {
        Output::get().error(std::string("internal error: ") + e.what());
        return exit_failed;
    }
}
