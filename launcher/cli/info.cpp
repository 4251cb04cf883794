// SPDX-License-Identifier: LGPL-2.1-or-later
// list, show, check: commands that run nothing.
#include "cli/catalogue.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/senders.h"
#include "cli/settings.h"
#include "cli/urls.h"
#include "cli/width.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <utility>

namespace penstock::cli {
namespace {

using nlohmann::json;

/// Invalid UTF-8, as in file names, is replaced instead of raising an exception.
void print_json(const json &value) {
    Output::get().print(value.dump(2, ' ', false, json::error_handler_t::replace));
}

std::string default_of(const description::Parameter &parameter) {
    if (parameter.required) return "required";
    if (!parameter.default_text) return "-"; // required with some choice
    const std::string text = parameter.default_text.value_or("");
    if (parameter.secret && !text.empty()) return "***";
    return text.empty() ? "-" : text;
}

std::string help_of(const description::Parameter &parameter) {
    std::string out = parameter.help;
    const auto add = [&](const std::string &more) { out += (out.empty() ? "" : "; ") + more; };
    if (!parameter.choices.empty()) {
        std::vector<std::string> names;
        for (const auto &choice : parameter.choices)
            names.push_back(choice.name);
        add("one of " + description::enumerate(names));
    }
    const std::string unit = parameter.type == description::Type::string ? " bytes" : "";
    if (parameter.min && parameter.max)
        add(parameter.min_text + " to " + parameter.max_text + unit);
    else if (parameter.min)
        add("at least " + parameter.min_text + unit);
    else if (parameter.max)
        add("at most " + parameter.max_text + unit);
    if (!parameter.required_when.empty())
        add("required with " + description::say_conditions(parameter.required_when));
    if (parameter.secret) add("secret");
    return out;
}

json to_json(const description::Parameter &parameter) {
    json out = {{"name", parameter.name},
                {"type", description::type_name(parameter.type)},
                {"required", parameter.required},
                {"secret", parameter.secret},
                {"help", parameter.help}};
    if (parameter.default_text && !parameter.secret) out["default"] = *parameter.default_text;
    if (!parameter.required_when.empty())
        out["required_with"] = description::say_conditions(parameter.required_when);
    if (parameter.min) out["min"] = parameter.min_text;
    if (parameter.max) out["max"] = parameter.max_text;
    for (const auto &choice : parameter.choices)
        out["choices"].push_back({{"name", choice.name}, {"settings", choice.settings}});
    return out;
}

/// The column of a text that does not fit beside its row.
constexpr size_t below = 10;

/// Lines that begin with a space or a dash stay as they are.
void print_paragraphs(const std::string &text) {
    std::istringstream lines(text);
    std::string paragraph;
    const auto flush = [&] {
        if (!paragraph.empty()) Output::get().print(in_width(std::exchange(paragraph, ""), 0));
    };
    const bool reflows = Output::get().is_terminal();
    size_t empty = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) {
            flush();
            ++empty;
            continue;
        }
        for (; empty > 0; --empty)
            Output::get().print("");
        const bool is_plain = line.front() != ' ' && line.front() != '-';
        if (!is_plain || !reflows) flush();
        paragraph += (paragraph.empty() ? "" : " ") + line;
        if (!is_plain || !reflows) flush();
    }
    flush();
}

} // namespace

int list(bool as_json) {
    Output &output = Output::get();
    int code = exit_ok;
    json all = json::array();
    size_t width = 0;
    const auto descriptions = all_descriptions();
    for (const auto &[name, file] : descriptions)
        width = std::max(width, width_of(name));
    for (const auto &[name, file] : descriptions) {
        const Loaded loaded = load(file, false);
        if (!loaded.description) {
            output.plain_error(loaded.render_problems());
            code = exit_failed;
            continue;
        }
        all.push_back({{"name", name}, {"summary", loaded.description->summary}, {"file", file}});
        if (!as_json)
            output.print(output.bold(pad(name, width)) + "  " +
                         in_width(loaded.description->summary, width + 2));
    }
    if (as_json) print_json(all);
    if (descriptions.empty()) {
        output.error("no descriptions found in " + description::enumerate(search_path()) +
                     ": set PENSTOCK_PIPELINES to a directory that has some");
        return exit_failed;
    }
    return code;
}

int show(const std::string &name, const std::vector<std::string> &settings, bool as_json) {
    Output &output = Output::get();
    int code = exit_ok;
    const auto loaded = load_or_say(name, Look::text, &code);
    if (!loaded) return code;
    const description::Description &description = *loaded;
    const std::string &file = description.source.name();
    const auto binding = bind_or_say(description, settings);
    if (!binding) return exit_usage;
    const std::vector<Url> urls = urls_of(*binding);
    const std::vector<Sender> senders = senders_of(*binding);

    if (as_json) {
        json out = {{"name", description.name},       {"file", file},
                    {"summary", description.summary}, {"description", description.text},
                    {"parameters", json::array()},    {"serves", json::array()}};
        for (const auto &parameter : description.parameters)
            out["parameters"].push_back(to_json(parameter));
        for (const Url &url : urls)
            out["serves"].push_back({{"kind", url.kind}, {"text", url.text}});
        out["senders"] = json::array();
        for (const Sender &sender : senders)
            out["senders"].push_back(
                {{"system", sender.system}, {"text", sender.text}, {"note", sender.note}});
        print_json(out);
        return exit_ok;
    }
    output.print(output.bold(description.name) + "  " +
                 in_width(description.summary, width_of(description.name) + 2));
    output.print(output.dim(file));
    if (!description.text.empty()) {
        output.print("");
        print_paragraphs(description.text);
    }
    if (!description.parameters.empty()) {
        size_t names = 0, types = 0, defaults = 0;
        for (const auto &parameter : description.parameters) {
            names = std::max(names, width_of(parameter.name));
            types = std::max(types, description::type_name(parameter.type).size());
            defaults = std::max(defaults, width_of(default_of(parameter)));
        }
        output.print("");
        output.print(output.bold("Parameters") + output.dim("  (--set name=value)"));
        const size_t left = 2 + names + 2 + types + 2 + defaults + 2;
        const bool is_beside = fits_beside(left);
        for (const auto &parameter : description.parameters) {
            const std::string row = "  " + output.green(pad(parameter.name, names)) + "  " +
                                    output.dim(pad(description::type_name(parameter.type), types)) +
                                    "  ";
            const std::string usual = default_of(parameter), help = help_of(parameter);
            if (is_beside) {
                output.print(row + pad(usual, defaults) + "  " + in_width(help, left));
                continue;
            }
            output.print(row + usual);
            if (!help.empty())
                output.print(std::string(below, ' ') + output.dim(in_width(help, below)));
        }
    }
    if (!urls.empty()) {
        output.print("");
        output.print(output.bold("Serves"));
        for (const Url &url : urls)
            output.print(
                "  " + pad(url.label, 10) +
                (url.kind == "ffmpeg" ? command_in_width(url.text, 12) : in_width(url.text, 12)));
    }
    if (!senders.empty()) {
        output.print("");
        output.print(output.bold("Send a camera") +
                     output.dim("  (HOST: this machine, as the sender sees it)"));
        for (const Sender &sender : senders) {
            const std::string text = sender.system == "windows" ? sender.text // no way to break it
                                     : sender.system == "obs"   ? in_width(sender.text, 12)
                                                                : command_in_width(sender.text, 12);
            output.print("  " + pad(sender.label, 10) + text);
            output.print(std::string(12, ' ') + output.dim(in_width(sender.note, 12)));
        }
    }
    return exit_ok;
}

int check(const std::vector<std::string> &files, bool as_json) {
    Output &output = Output::get();
    int code = exit_ok;
    json all = json::array();
    for (const std::string &argument : files) {
        std::string error;
        const std::string file = find_file(argument, &error);
        Loaded loaded;
        if (file.empty())
            loaded.problems.push_back({{}, error, ""});
        else
            loaded = load_and_check(file);
        const bool good = loaded.problems.empty();
        if (!good && code != exit_usage) code = file.empty() ? exit_usage : exit_failed;
        json problems = json::array();
        for (const auto &problem : loaded.problems)
            problems.push_back({{"line", problem.mark.line},
                                {"column", problem.mark.column},
                                {"what", problem.what},
                                {"mend", problem.mend}});
        all.push_back({{"file", file.empty() ? argument : file},
                       {"ok", good},
                       {"problems", std::move(problems)},
                       {"warnings", json::array()}});
        if (loaded.description)
            for (const auto &warning : loaded.description->warnings)
                all.back()["warnings"].push_back({{"line", warning.mark.line},
                                                  {"column", warning.mark.column},
                                                  {"what", warning.what},
                                                  {"mend", warning.mend}});
        if (as_json) continue;
        if (const std::string warnings = loaded.render_warnings(); !warnings.empty())
            output.plain_error(warnings);
        if (good)
            output.print(file + ": " + output.green("ok"));
        else if (file.empty())
            output.error(error);
        else
            output.plain_error(loaded.render_problems());
    }
    if (as_json) print_json(all);
    return code;
}

} // namespace penstock::cli
