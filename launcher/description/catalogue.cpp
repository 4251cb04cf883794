// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/catalogue.h"

#include "config.h"
#include "description/elements.h"

#include <glib.h>

#include <filesystem>
#include <sstream>

namespace penstock::description {

namespace fs = std::filesystem;

std::vector<std::string> search_path() {
    std::vector<std::string> out;
    if (const char *listed = g_getenv("PENSTOCK_PIPELINES")) {
        std::stringstream stream(listed);
        for (std::string directory; std::getline(stream, directory, ':');)
            if (!directory.empty()) out.push_back(directory);
    }
    out.push_back(fs::path(g_get_user_config_dir()) / "penstock" / "pipelines");
    out.emplace_back(PENSTOCK_PIPELINES_DIR);
    return out;
}

std::map<std::string, std::string> all_descriptions() {
    std::map<std::string, std::string> out;
    for (const std::string &directory : search_path()) {
        std::error_code code;
        for (const fs::directory_entry &entry : fs::directory_iterator(directory, code))
            if (entry.path().extension() == ".yaml")
                out.emplace(entry.path().stem().string(), entry.path().string());
    }
    return out;
}

std::string find_file(const std::string &argument, std::string *error) {
    const bool is_file = argument.find('/') != argument.npos || argument.ends_with(".yaml") ||
                         argument.ends_with(".yml");
    if (is_file) return argument;
    const auto all = all_descriptions();
    if (const auto found = all.find(argument); found != all.end()) return found->second;
    std::error_code code;
    if (fs::is_regular_file(argument, code)) return argument;
    std::vector<std::string> names;
    for (const auto &[name, file] : all)
        names.push_back(name);
    *error = "there is no description '" + argument + "': " +
             did_you_mean(argument, names,
                          names.empty() ? "give a file, or set PENSTOCK_PIPELINES"
                                        : "there are " + enumerate(names) +
                                              "; a file is given with its path");
    return {};
}

namespace {

Loaded check(Loaded out, bool elements) {
    if (out.description && elements) {
        check_elements(*out.description, out.problems);
        if (!out.problems.empty()) out.description.reset();
    }
    return out;
}

} // namespace

Loaded load(const std::string &file, bool elements) {
    Loaded out;
    out.description = load_description_file(file, out.source, out.problems);
    return check(std::move(out), elements);
}

Loaded load_text(const std::string &name, std::string text, bool elements) {
    Loaded out;
    out.source = Source(name, std::move(text));
    out.description = load_description(out.source, out.problems);
    return check(std::move(out), elements);
}

Loaded load_and_check(const std::string &file) {
    Loaded out;
    out.source = read_source(file, out.problems);
    if (out.problems.empty()) out.description = check_source(out.source, out.problems);
    return out;
}

} // namespace penstock::description
