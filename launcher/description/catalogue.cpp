// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/catalogue.h"

#include "description/elements.h"
#include "description/installed.h"

#include <glib.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace penstock::description {

namespace fs = std::filesystem;

std::vector<std::string> search_path() {
    std::vector<std::string> out;
    const auto add = [&](const fs::path &directory) {
        const std::string text = directory.lexically_normal().string();
        if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
    };
    if (const char *listed = g_getenv("PENSTOCK_PIPELINES")) {
        std::stringstream stream(listed);
        for (std::string directory; std::getline(stream, directory, ':');)
            if (!directory.empty()) add(directory);
    }
    add(fs::path(g_get_user_config_dir()) / "penstock" / "pipelines");
    add(installed_config_dir() / "pipelines");
    for (auto data = g_get_system_data_dirs(); *data; ++data)
        add(fs::path(*data) / "penstock" / "pipelines");
    add(installed_pipelines_dir());
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
    std::error_code code;
    if (is_file) {
        if (fs::exists(argument, code) || code) return argument;
        *error = "there is no file '" + argument + "': check its name and directory";
        return {};
    }
    const auto all = all_descriptions();
    if (const auto found = all.find(argument); found != all.end()) return found->second;
    if (fs::is_regular_file(argument, code)) return argument;
    for (const char *extension : {".yaml", ".yml"})
        if (fs::is_regular_file(argument + extension, code)) {
            *error = "there is no description '" + argument + "': did you mean the file " +
                     argument + extension + "?";
            return {};
        }
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

std::string Loaded::render_warnings() const {
    if (!description) return {};
    Problems warnings = description->warnings;
    for (Problem &warning : warnings)
        warning.what = "warning: " + warning.what;
    return warnings.empty() ? "" : description->source.render(std::move(warnings));
}

Loaded load_and_check(const std::string &file) {
    Loaded out;
    out.source = read_source(file, out.problems);
    if (out.problems.empty()) out.description = check_source(out.source, out.problems);
    return out;
}

} // namespace penstock::description
