// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/app.h"
#include "cli/generate.h"
#include "cli/help.h"
#include "config.h"

#include <algorithm>

namespace penstock::cli {
namespace {

/// Escapes text for roff.
std::string roff(const std::string &text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        // Any word may come to stand at the beginning of a line, where these are no text.
        const bool begins = i == 0 || text[i - 1] == '\n' || text[i - 1] == ' ';
        if (begins && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if (c == '`' || c == '\'')
            out += c == '`' ? "\\(ga" : "\\(aq";
        else
            out += c;
    }
    return out;
}

/// Text in lines of a width that readers of roff expect.
std::string filled(const std::string &text) {
    return wrapped(roff(text), 79, 0);
}

std::string bold(const std::string &text) {
    return "\\fB" + roff(text) + "\\fR";
}
std::string italic(const std::string &text) {
    return "\\fI" + roff(text) + "\\fR";
}

/// An option's synopsis: "[--set NAME=VALUE]...", "NAME...". It is not broken at its spaces.
std::string in_synopsis(const Shown &option) {
    std::string out;
    if (!option.names.empty()) out += bold(option.names.back());
    if (!option.value.empty()) out += (out.empty() ? "" : "\\ ") + italic(option.value);
    if (!option.required) out = "[" + out + "]";
    return option.many ? out + ".\\|.\\|.\\&" : out;
}

std::string synopsis(const CLI::App &command) {
    std::string out = ".SY \"penstock " + command.get_name() + "\"\n";
    for (const bool by_place : {false, true})
        for (const Shown &option : shown_options(command))
            if (option.names.empty() == by_place &&
                (option.names.empty() || option.names.back() != "--help"))
                out += in_synopsis(option) + "\n";
    return out + ".YS\n";
}

std::string list_options(const CLI::App &command) {
    std::string out;
    for (const Shown &option : shown_options(command)) {
        out += ".TP\n";
        for (const std::string &name : option.names)
            out += (&name == &option.names.front() ? "" : ", ") + bold(name);
        if (!option.value.empty()) out += (option.names.empty() ? "" : " ") + italic(option.value);
        out += "\n" +
               filled(option.what + (option.usual.empty() ? "" : " (" + option.usual + ")") + ".") +
               "\n";
    }
    return out;
}

std::string entry(const std::string &term, const std::string &text) {
    return ".TP\n" + term + "\n" + text + "\n";
}

/// CLI11's text for a check ("SHELL:{bash,…}") repeats the option's help. It begins with a colon
/// that is in no brackets, unlike that of "HOST[:PORT]".
std::string without_check(const std::string &type) {
    int depth = 0;
    for (size_t i = 0; i < type.size(); ++i) {
        depth += type[i] == '[';
        depth -= type[i] == ']';
        if (type[i] == ':' && depth == 0) return type.substr(0, i);
    }
    return type;
}

} // namespace

std::vector<Shown> shown_options(const CLI::App &command) {
    std::vector<Shown> out;
    for (const CLI::Option *option : command.get_options()) {
        Shown shown;
        for (const std::string &name : option->get_snames())
            shown.names.push_back("-" + name);
        for (const std::string &name : option->get_lnames())
            shown.names.push_back("--" + name);
        // CLI11's text for a check ("SHELL:{bash,…}") repeats the option's help.
        if (option->get_items_expected_max() > 0) {
            shown.value = without_check(option->get_type_name());
            shown.usual = option->get_default_str();
        }
        shown.what = option->get_description();
        shown.required = option->get_required();
        shown.many = option->get_items_expected_max() > 1;
        out.push_back(std::move(shown));
    }
    return out;
}

std::string man_page(const CLI::App &app) {
    std::string out =
        ".TH PENSTOCK 1 " PENSTOCK_RELEASED " \"penstock " VERSION "\" \"User Commands\"\n.nh\n"
        ".SH NAME\npenstock \\- turns GStreamer pipelines into live\\-streaming "
        "servers\n.SH SYNOPSIS\n";
    const auto commands = visible_commands(app);
    for (const CLI::App *command : commands)
        out += synopsis(*command);
    out += ".SH DESCRIPTION\n" + filled(app.get_description()) +
           "\nA description is a YAML file that says which pipelines run and when.\n"
           "It is given as a file, or as a\n" +
           italic("NAME") + "\nthat is looked up; see " + bold("FILES") + ".\n.SH COMMANDS\n";
    for (const CLI::App *command : commands)
        out += ".SS " + bold("penstock " + command->get_name()) + "\n" +
               filled(command->get_description() + ".") + "\n" + list_options(*command);
    out += ".SH OPTIONS\n" + list_options(app);
    out += ".SH SIGNALS\nOf\n" + bold("penstock run") + ":\n" +
           entry(bold("SIGINT"), filled("Everything ends at once.")) +
           entry(bold("SIGTERM"),
                 filled("Nothing new is taken, and what is written is finished: a file gets its "
                        "end, HLS its last segment. Five seconds later everything ends.")) +
           entry(bold("SIGHUP"),
                 filled("The descriptions and certificates are read again. Streams that did not "
                        "change go on; what changed is stopped and started. If there is a mistake "
                        "in a description, nothing changes. When the terminal is closed, the "
                        "signal ends everything.")) +
           ".PP\n" +
           filled("A second SIGINT or SIGTERM does not wait for anything. The other commands end "
                  "at each of these signals.") +
           "\n";
    out +=
        ".SH ENVIRONMENT\n" +
        entry(bold("PENSTOCK_PIPELINES"),
              filled("Directories with descriptions, colons between them, before all others.")) +
        entry(bold("PENSTOCK_") + italic("PARAMETER"),
              filled("The value of a parameter that no --set names: PENSTOCK_PUBLISH_KEY for "
                     "publish-key. Unlike a command line, other users cannot read it.")) +
        entry(bold("XDG_RUNTIME_DIR"), filled("Where the sockets are that `penstock top` asks.")) +
        entry(bold("JOURNAL_STREAM"),
              filled("Set by systemd. Lines that go to the journal have a priority and no "
                     "time, which the journal has itself.")) +
        entry(bold("GST_PLUGIN_PATH"), filled("Where GStreamer finds more plugins.")) +
        entry(bold("GST_DEBUG"), filled("GStreamer's log, as in other programs of its kind.")) +
        entry(bold("COLUMNS"), filled("The width of --help where there is no terminal.")) +
        entry(bold("NO_COLOR"), "No colours, on a terminal either.");
    out += ".SH FILES\n" +
           entry(roff("~/.config/penstock/pipelines/*.yaml"), "The user\\(aqs descriptions.") +
           entry(roff(PENSTOCK_CONFIG_DIR "/pipelines/*.yaml"), "The system\\(aqs.") +
           entry(roff(PENSTOCK_PIPELINES_DIR "/*.yaml"), "Those that ship.") +
           entry(roff(PENSTOCK_CONFIG_DIR "/penstock.conf"),
                 filled("What the systemd service runs: DESCRIPTIONS, and parameters as in "
                        "ENVIRONMENT.")) +
           entry(roff("$XDG_RUNTIME_DIR/penstock/PID.sock"),
                 "Where a running penstock tells " + bold("penstock top") + " its state.") +
           entry(roff("~/.cache/gstreamer-1.0/registry.*.bin"),
                 filled("What GStreamer knows of its plugins; it is made again if it is "
                        "deleted."));
    out += ".SH EXIT STATUS\n" + entry("0", "All went well.") +
           entry("1", "Something failed, or a check found a failure.") +
           entry("2", filled("The command line is wrong: an option, a value, or a name that does "
                             "not exist.")) +
           entry("3", "Of " + bold("penstock test") +
                          ": all checks passed, but an output could not be measured.");
    out += ".SH EXAMPLES\n" +
           entry(bold("penstock run live"),
                 "A live server: publish over RTMP, watch over RTMP or in a browser.") +
           entry(bold("penstock run file-to-udp --set file=movie.mp4"),
                 "A file to UDP players, as MPEG\\-TS.") +
           entry(bold("penstock doctor webcam-to-udp"),
                 "What is missing here for a camera to be sent.");
    out += ".SH SEE ALSO\n.BR gst\\-launch\\-1.0 (1),\n.BR gst\\-inspect\\-1.0 (1)\n";
    return out;
}

} // namespace penstock::cli
