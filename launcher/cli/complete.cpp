// SPDX-License-Identifier: LGPL-2.1-or-later
// completion, complete: shell completion.
#include "cli/app.h"
#include "cli/catalogue.h"
#include "cli/commands.h"
#include "cli/generate.h"
#include "cli/output.h"

#include <cstdio>
#include <set>

namespace penstock::cli {
namespace {

/// Prints a candidate as a line: text, tab, meaning.
void candidate(const std::string &text, const std::string &meaning) {
    std::string line = text + (meaning.empty() ? "" : "\t" + meaning);
    for (char &c : line)
        if (c == '\n') c = ' ';
    std::puts(line.c_str());
}

void parameters(const std::string &name, bool values) {
    std::string error;
    const std::string file = find_file(name, &error);
    const Loaded loaded = file.empty() ? Loaded{} : load(file, false);
    if (!loaded.description) return;
    for (const auto &parameter : loaded.description->parameters) {
        const std::string set = parameter.name + "=";
        if (!values) {
            candidate(set, parameter.help);
            continue;
        }
        if (parameter.type == description::Type::boolean)
            for (const char *word : {"true", "false"})
                candidate(set + word, "");
        for (const auto &choice : parameter.choices)
            candidate(set + choice.name, "");
        if (parameter.choices.empty() && parameter.type != description::Type::boolean &&
            !parameter.secret && !parameter.default_text.value_or("").empty())
            candidate(set + *parameter.default_text, "default");
    }
}

} // namespace

int completion(const std::string &shell) {
    Arguments unused;
    const std::string script = completion_script(*make_app(unused), shell);
    std::fputs(script.c_str(), stdout);
    return exit_ok;
}

int complete(const std::string &kind, const std::vector<std::string> &names) {
    if (kind == "descriptions") {
        for (const auto &[name, file] : all_descriptions()) {
            const Loaded loaded = load(file, false);
            candidate(name, loaded.description ? loaded.description->summary : "");
        }
        return exit_ok;
    }
    if (kind != "settings" && kind != "values") {
        Output::get().error("complete takes descriptions, settings or values");
        return exit_usage;
    }
    for (const std::string &name : names)
        parameters(name, kind == "values");
    return exit_ok;
}

} // namespace penstock::cli
