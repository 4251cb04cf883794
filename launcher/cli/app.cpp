// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/app.h"

#include "cli/help.h"
#include "config.h"

#include <algorithm>
#include <cstdio>

namespace penstock::cli {
namespace {

constexpr const char *where_names_are =
    "A description is a YAML file; NAME is looked up in $PENSTOCK_PIPELINES, "
    "~/.config/penstock/pipelines, " PENSTOCK_CONFIG_DIR "/pipelines and the installed ones.";
constexpr const char *exit_codes = "Exit codes: 0 ok, 1 failed, 2 wrong usage.";

std::string plain(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", number);
    return text;
}

/// As CLI::Range and CLI::IsMember, with messages for people.
CLI::Validator number_from(double least, double most) {
    return {[=](const std::string &text) -> std::string {
                double number = 0;
                if (CLI::detail::lexical_cast(text, number) && number >= least && number <= most)
                    return "";
                return "'" + text + "' is no number from " + plain(least) + " to " + plain(most);
            },
            ""};
}
CLI::Validator one_of(const std::vector<std::string> &words) {
    return {[=](const std::string &text) -> std::string {
                if (std::find(words.begin(), words.end(), text) != words.end()) return "";
                std::string all;
                for (const std::string &word : words)
                    all += (all.empty() ? "" : ", ") + word;
                return "'" + text + "' is none of these: " + all;
            },
            ""};
}

/// Adds the commands; the only place with their texts.
class Builder {
public:
    Builder(CLI::App &app, Arguments &arguments) : app_(app), arguments_(arguments) {}

    CLI::App *command(const std::string &name, const std::string &what) {
        CLI::App *out = app_.add_subcommand(name, what);
        out->footer(exit_codes);
        out->parse_complete_callback([&to = arguments_.command, name] { to = name; });
        return out;
    }
    CLI::Option *names(CLI::App *command, const std::string &what, const std::string &type) {
        command->footer(std::string(where_names_are) + "\n" + exit_codes);
        return command->add_option("description", arguments_.names, what)->type_name(type);
    }
    void settings(CLI::App *command) {
        command
            ->add_option("-s,--set", arguments_.settings,
                         "A parameter's value: name=value, or DESCRIPTION.name=value")
            ->allow_extra_args(false)
            ->type_name("NAME=VALUE");
    }
    /// Options of the benchmark, which is a program of its own.
    void passed_flag(CLI::App *command, const std::string &name, const std::string &what) {
        command->add_flag_callback(
            name, [&to = arguments_.bench, name] { to.push_back(name); }, what);
    }
    /// An option that may be repeated.
    void passed(CLI::App *command, const std::string &name, const std::string &what,
                const std::string &type) {
        command
            ->add_option_function<std::vector<std::string>>(
                name,
                [&to = arguments_.bench, name](const std::vector<std::string> &values) {
                    for (const std::string &value : values)
                        to.insert(to.end(), {name, value});
                },
                what)
            ->allow_extra_args(false)
            ->type_name(type);
    }
    void passed(CLI::App *command, const std::string &name, const std::string &what,
                const std::string &type, const std::string &usual) {
        command
            ->add_option_function<std::string>(
                name,
                [&to = arguments_.bench, name](const std::string &value) {
                    to.insert(to.end(), {name, value});
                },
                what)
            ->default_str(usual)
            ->type_name(type);
    }
    CLI::Option *json(CLI::App *command,
                      const std::string &what = "Machine-readable output (JSON)") {
        return command->add_flag("--json", arguments_.json, what);
    }

private:
    CLI::App &app_;
    Arguments &arguments_;
};

} // namespace

std::unique_ptr<CLI::App> make_app(Arguments &arguments) {
    auto app = std::make_unique<CLI::App>("Turns GStreamer pipelines into live-streaming servers.",
                                          "penstock");
    app->formatter(help_formatter(terminal_columns()));
    app->set_version_flag("--version", "penstock " VERSION, "Print the version and exit");
    app->require_subcommand(1);
    app->footer(std::string(where_names_are) + "\n" + exit_codes +
                " `penstock COMMAND --help` has a command's options.");
    Builder add(*app, arguments);

    CLI::App *run = add.command("run", "Run descriptions until Ctrl-C");
    add.names(run, "Names or files", "NAME")->required();
    add.settings(run);

    add.json(add.command("list", "List the descriptions there are"));

    CLI::App *show = add.command("show", "Show a description's parameters and what it serves");
    add.names(show, "Name or file", "NAME")->required()->expected(1);
    add.settings(show);
    add.json(show);

    CLI::App *explain = add.command(
        "explain", "Say what a description does: launch lines, graph, what is copied or encoded");
    add.names(explain, "Name or file", "NAME")->required()->expected(1);
    add.settings(explain);
    CLI::Option *dot = explain->add_flag("--dot", arguments.dot, "The graph for Graphviz");
    CLI::Option *svg =
        explain->add_flag("--svg", arguments.svg, "The graph as a picture (needs graphviz)");
    svg->excludes(dot);
    add.json(explain)->excludes(dot)->excludes(svg);

    CLI::App *check = add.command("check", "Say all that is wrong with descriptions");
    add.names(check, "Names or files", "FILE")->required();
    add.json(check);

    CLI::App *test = add.command("test", "Run descriptions for some seconds and measure whether "
                                         "they do what their `expect` says");
    add.names(test, "Names or files", "NAME")->required();
    test->footer(
        std::string(where_names_are) +
        "\nExit codes: 0 all passed, 1 a check failed, 2 wrong usage, 3 all passed but not "
        "every output could be measured.");
    add.settings(test);
    add.json(test);

    CLI::App *doctor = add.command("doctor", "Say what this machine lacks, and what mends it: "
                                             "elements, codecs, cameras, ports, limits");
    add.names(doctor, "Names or files; none: all descriptions", "NAME");
    add.settings(doctor);
    add.json(doctor);

    CLI::App *cameras =
        add.command("cameras", "Find the ONVIF cameras of the network and list their streams");
    cameras
        ->add_option("address", arguments.names,
                     "Only these: HOST, HOST:PORT or the URL of the device service")
        ->type_name("ADDRESS");
    cameras->add_option("-u,--user", arguments.user, "The user of the cameras")->type_name("NAME");
    cameras
        ->add_option("-i,--interface", arguments.interface, "Look on this network interface only")
        ->type_name("NAME");
    cameras->add_option("-w,--wait", arguments.listen, "Seconds in which cameras may answer")
        ->check(number_from(0.1, 60.0))
        ->capture_default_str()
        ->type_name("SECONDS");
    cameras->footer("The password is read from the environment: PENSTOCK_CAMERA_PASSWORD.\n" +
                    std::string(exit_codes));
    add.json(cameras);

    CLI::App *top = add.command("top", "Show what runs: streams, publishers, viewers, bitrates");
    top->add_option("-p,--pid", arguments.process, "Only the `penstock run` with this process id")
        ->type_name("PID");
    top->add_option("-i,--interval", arguments.interval, "Seconds between two tables")
        ->check(number_from(0.1, 3600.0))
        ->capture_default_str()
        ->type_name("SECONDS");
    top->add_flag("--once", arguments.once, "One table, measured over the interval");
    add.json(top, "A line of JSON for each interval");

    CLI::App *bench =
        add.command("bench", "Measure what thousands of viewers cost, beside other servers and "
                             "beside the least a process can do");
    add.passed_flag(bench, "--quick", "Only 1,000 RTMP viewers, once: three minutes");
    add.passed(bench, "--only", "Only this scenario", "SCENARIO");
    add.passed(bench, "--server", "Only servers whose name begins so", "TEXT");
    add.passed(bench, "--viewers", "Instead of a scenario's own number", "N", "");
    add.passed(bench, "--rounds", "Runs of each; the median counts", "N", "3");
    add.passed(bench, "--seconds", "Length of the window that is measured", "SECONDS", "15");
    add.passed(bench, "--settle", "From the last join to the window", "SECONDS", "5");
    add.passed(bench, "--out", "Where fanout.json and fanout.svg go", "DIRECTORY", "fanout");
    add.passed(bench, "--docs", "Fill in performance.md there, and put fanout.svg beside it",
               "DIRECTORY", "");
    add.passed_flag(bench, "--list", "Say what there is to measure");
    add.passed_flag(bench, "--json", "Machine-readable output (JSON)");

    CLI::App *latency = add.command("latency", "Play a stream and say how old its pictures are, "
                                               "from the stamps in them, and where the time goes");
    latency
        ->add_option("url", arguments.url, "rtmp, http (.flv, .m3u8, .ts, /whep), udp, rtp or srt")
        ->type_name("URL");
    CLI::Option *matrix = latency->add_flag("--matrix", arguments.matrix,
                                            "A test source over every protocol, instead of a URL");
    latency->add_option("--over", arguments.over, "Measure only this protocol of the matrix")
        ->needs(matrix)
        ->allow_extra_args(false)
        ->type_name("PROTOCOL");
    latency
        ->add_option("--markdown", arguments.markdown,
                     "Write the matrix's table; replaces the one in an existing file")
        ->needs(matrix)
        ->type_name("PATH");
    latency
        ->add_option("-t,--seconds", arguments.seconds,
                     "How long it takes at most, waiting for the first frame included; of each "
                     "measurement with --matrix; 0: until Ctrl-C")
        ->check(number_from(0.0, 86400.0))
        ->capture_default_str()
        ->type_name("SECONDS");
    latency
        ->add_option("--wait", arguments.wait,
                     "How long to wait for the first frame, before the time of -t begins: for a "
                     "stream that is still to come")
        ->check(number_from(0.0, 86400.0))
        ->excludes(matrix)
        ->type_name("SECONDS");
    latency->add_option("--plot", arguments.plot, "Write a chart of it, as SVG")->type_name("PATH");
    CLI::Option *ntp =
        latency
            ->add_option("--ntp", arguments.ntp,
                         "Measure how far this machine's clock is off an NTP server's, and take "
                         "that off; without a URL, say it")
            ->type_name("HOST[:PORT]");
    latency
        ->add_option("--clock-offset", arguments.clock_offset,
                     "How far this machine's clock is ahead of the source's; negative: behind")
        ->check(number_from(-86'400'000.0, 86'400'000.0))
        ->excludes(ntp)
        ->excludes(matrix)
        ->type_name("MS");
    ntp->excludes(matrix);
    latency
        ->add_option("--tls-ca", arguments.tls_ca,
                     "Trust the certificates in this file (PEM) instead of the system's")
        ->excludes(matrix)
        ->type_name("PATH");
    add.json(latency);

    CLI::App *completion =
        add.command("completion", "Print what makes a shell complete penstock's command lines");
    completion->add_option("shell", arguments.shell, "bash, zsh or fish")
        ->required()
        ->check(one_of({"bash", "zsh", "fish"}))
        ->type_name("SHELL");

    // Called by the completion scripts; commands in the group without a name are hidden.
    CLI::App *complete = add.command("complete", "Candidates for a shell, one a line");
    complete->group("");
    complete->add_option("kind", arguments.kind, "descriptions or settings")->required();
    complete->add_option("description", arguments.names, "Names or files");
    return app;
}

std::vector<const CLI::App *> visible_commands(const CLI::App &app) {
    std::vector<const CLI::App *> out;
    for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; }))
        if (!command->get_group().empty()) out.push_back(command);
    return out;
}

} // namespace penstock::cli
