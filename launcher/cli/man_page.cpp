// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/app.h"
#include "cli/generate.h"
#include "config.h"

#include <algorithm>

namespace penstock::cli {
namespace {

/// Escapes text for roff.
std::string roff(const std::string &text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool begins = i == 0 || text[i - 1] == '\n';
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

std::string bold(const std::string &text) {
    return "\\fB" + roff(text) + "\\fR";
}
std::string italic(const std::string &text) {
    return "\\fI" + roff(text) + "\\fR";
}

/// An option's synopsis: "[--set NAME=VALUE]...", "NAME...".
std::string in_synopsis(const Shown &option) {
    std::string out;
    if (!option.names.empty()) out += bold(option.names.back());
    if (!option.value.empty()) out += (out.empty() ? "" : " ") + italic(option.value);
    if (!option.required) out = "[" + out + "]";
    return option.many ? out + "..." : out;
}

std::string synopsis(const CLI::App &command) {
    std::string out = bold("penstock " + command.get_name());
    for (const bool by_place : {false, true})
        for (const Shown &option : shown_options(command))
            if (option.names.empty() == by_place &&
                (option.names.empty() || option.names.back() != "--help"))
                out += " " + in_synopsis(option);
    return out;
}

std::string list_options(const CLI::App &command) {
    std::string out;
    for (const Shown &option : shown_options(command)) {
        out += ".TP\n";
        for (const std::string &name : option.names)
            out += (&name == &option.names.front() ? "" : ", ") + bold(name);
        if (!option.value.empty()) out += (option.names.empty() ? "" : " ") + italic(option.value);
        out += "\n" + roff(option.what) + ".\n";
    }
    return out;
}

std::string entry(const std::string &term, const std::string &text) {
    return ".TP\n" + term + "\n" + text + "\n";
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
            shown.value = option->get_type_name();
            shown.value.resize(std::min(shown.value.find(':'), shown.value.size()));
        }
        shown.what = option->get_description();
        shown.required = option->get_required();
        shown.many = option->get_items_expected_max() > 1;
        out.push_back(std::move(shown));
    }
    return out;
}

std::string man_page(const CLI::App &app) {
    std::string out = ".TH PENSTOCK 1 \"\" \"penstock " VERSION "\" \"User Commands\"\n"
                      ".SH NAME\npenstock \\- turns GStreamer pipelines into live\\-streaming "
                      "servers\n.SH SYNOPSIS\n.nh\n.ad l\n";
    const auto commands = visible_commands(app);
    for (const CLI::App *command : commands)
        out += (command == commands.front() ? "" : ".br\n") + synopsis(*command) + "\n";
    out += ".hy\n.ad b\n.SH DESCRIPTION\n" + roff(app.get_description()) +
           "\nA description is a YAML file that says which pipelines run and when. It is given as "
           "a file, or as a\n" +
           italic("NAME") + " that is looked up; see " + bold("FILES") + ".\n.SH COMMANDS\n";
    for (const CLI::App *command : commands)
        out += ".SS " + synopsis(*command) + "\n" + roff(command->get_description()) + ".\n" +
               list_options(*command);
    out += ".SH OPTIONS\n" + list_options(app);
    out += ".SH ENVIRONMENT\n" +
           entry(bold("PENSTOCK_PIPELINES"),
                 roff("Directories with descriptions, colons between them, before all others.")) +
           entry(bold("PENSTOCK_") + italic("PARAMETER"),
                 roff("The value of a parameter that no --set names: PENSTOCK_PUBLISH_KEY for "
                      "publish-key.")) +
           entry(bold("GST_PLUGIN_PATH"), roff("Where GStreamer finds more plugins.")) +
           entry(bold("GST_DEBUG"), roff("GStreamer's log, as in other programs of its kind.")) +
           entry(bold("NO_COLOR"), "No colours, on a terminal either.");
    out += ".SH FILES\n" +
           entry(roff("~/.config/penstock/pipelines/*.yaml"), "The user\\(aqs descriptions.") +
           entry(roff(PENSTOCK_CONFIG_DIR "/pipelines/*.yaml"), "The system\\(aqs.") +
           entry(roff(PENSTOCK_PIPELINES_DIR "/*.yaml"), "Those that ship.") +
           entry(roff("$XDG_RUNTIME_DIR/penstock/PID.sock"),
                 "Where a running penstock tells " + bold("penstock top") + " its state.");
    out += ".SH EXIT STATUS\n" + entry("0", "All went well.") +
           entry("1", "Something failed, or a check found a failure.") +
           entry("2", "The command line is wrong.");
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
