// SPDX-License-Identifier: LGPL-2.1-or-later
// doctor: prints all findings about this machine in columns.
#include "doctor/doctor.h"

#include "api/socket_path.h"
#include "cli/catalogue.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/width.h"
#include "config.h"

#include <nlohmann/json.hpp>

#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace penstock::cli {
namespace {

using doctor::Finding;
using doctor::Findings;
using doctor::Status;
namespace fs = std::filesystem;

const char *word_of(Status status) {
    return status == Status::ok ? "ok" : status == Status::warn ? "warn" : "fail";
}

/// The nearest existing parent directory, where a missing one would be created.
fs::path existing(fs::path path) {
    std::error_code code;
    while (!fs::exists(path, code) && path.has_parent_path() && path.parent_path() != path)
        path = path.parent_path();
    return path;
}

void check_directories(Findings &out) {
    size_t found = 0;
    const auto all = all_descriptions();
    for (const std::string &directory : search_path()) {
        const auto in = std::count_if(all.begin(), all.end(), [&](const auto &entry) {
            return fs::path(entry.second).parent_path() == fs::path(directory);
        });
        found += static_cast<size_t>(in);
        std::error_code code;
        if (!fs::exists(directory, code))
            out.push_back({Status::ok, "files", directory,
                           "is not there; descriptions may be put there", ""});
        else if (access(directory.c_str(), R_OK | X_OK) != 0)
            out.push_back({Status::fail, "files", directory,
                           std::string("can't be read: ") + std::strerror(errno),
                           "chmod u+rx '" + directory + "'"});
        else
            out.push_back(
                {Status::ok, "files", directory, std::to_string(in) + " descriptions", ""});
    }
    if (found == 0)
        out.push_back({Status::fail, "files", "descriptions", "there are none",
                       "set PENSTOCK_PIPELINES to a directory that has some, or `meson install`"});
    const auto writable = [&](const std::string &subject, const fs::path &path, const char *what) {
        const fs::path at = existing(path);
        if (access(at.c_str(), W_OK | X_OK) == 0)
            out.push_back({Status::ok, "files", subject, path.string() + " can be written", ""});
        else
            out.push_back({Status::warn, "files", subject,
                           at.string() + " can't be written: " + std::strerror(errno) + "; " + what,
                           "sudo chown \"$USER\" '" + at.string() + "'"});
    };
    const char *registry = g_getenv("GST_REGISTRY");
    writable("GStreamer's registry",
             registry ? fs::path(registry).parent_path()
                      : fs::path(g_get_user_cache_dir()) / "gstreamer-1.0",
             "every start looks at all plugins again");
    std::string reason;
    const std::string state = api::state_directory(true, &reason);
    if (state.empty())
        out.push_back({Status::warn, "files", "state for `top`", reason, "as said"});
    else
        writable("state for `top`", state, "`penstock top` sees nothing");
}

void print_table(const Findings &findings) {
    Output &output = Output::get();
    constexpr size_t below = 10; // the column of what does not stand beside the subject
    size_t width = 0;
    for (const Finding &finding : findings)
        width = std::max(width, std::min<size_t>(width_of(finding.subject), 40));
    std::string area;
    for (const Finding &finding : findings) {
        if (finding.area != area) {
            if (!area.empty()) output.print("");
            area = finding.area;
            output.print(output.bold(area));
        }
        const std::string word = pad(word_of(finding.status), 4);
        const size_t column = 8 + std::max(width, width_of(finding.subject)) + 2;
        const bool is_beside = fits_beside(column);
        output.print("  " +
                     (finding.status == Status::ok     ? output.green(word)
                      : finding.status == Status::warn ? output.yellow(word)
                                                       : output.red(word)) +
                     "  " + pad(finding.subject, width) +
                     (is_beside ? "  " + in_width(finding.detail, column) : ""));
        if (!is_beside) output.print(std::string(below, ' ') + in_width(finding.detail, below));
        if (finding.mend.empty()) continue;
        const std::string mend = finding.mend.starts_with("sudo ")
                                     ? command_in_width(finding.mend, below + 2)
                                     : in_width(finding.mend, below + 2);
        output.print(std::string(below, ' ') + output.dim("→ ") + mend);
    }
}

/// Named descriptions must load; if none are named, one that does not load is a finding.
std::vector<std::unique_ptr<description::Description>>
load_descriptions(const std::vector<std::string> &names, Findings &findings, bool *good) {
    std::vector<std::unique_ptr<description::Description>> out;
    std::vector<std::string> files;
    for (const std::string &name : names) {
        std::string error;
        files.push_back(find_file(name, &error));
        if (!files.back().empty()) continue;
        Output::get().error(error);
        *good = false;
    }
    if (names.empty())
        for (const auto &[name, file] : all_descriptions())
            files.push_back(file);
    for (const std::string &file : files) {
        if (file.empty()) continue;
        Loaded loaded = load(file, false);
        if (loaded.description)
            out.push_back(std::move(loaded.description));
        else
            findings.push_back(
                {Status::fail, "files", file,
                 std::to_string(loaded.problems.size()) +
                     (loaded.problems.size() == 1 ? " mistake in it" : " mistakes in it"),
                 "`penstock check '" + file + "'` says where"});
    }
    return out;
}

} // namespace

int doctor(const std::vector<std::string> &names, const std::vector<std::string> &settings,
           bool as_json) {
    Output &output = Output::get();
    Findings findings, broken;
    bool good = true;
    const auto descriptions = load_descriptions(names, broken, &good);
    if (!good) return exit_usage;
    std::vector<const description::Description *> pointers;
    for (const auto &description : descriptions)
        pointers.push_back(description.get());
    std::vector<std::string> errors;
    const auto bindings = bind_all(pointers, settings, errors, Values::some);
    for (const std::string &text : errors)
        output.error(text);
    if (!errors.empty()) return exit_usage;
    doctor::Subjects subjects;
    for (const auto &binding : bindings) {
        output.hide(binding->secrets());
        subjects.push_back({binding.get(), !names.empty()});
    }

    doctor::check_elements(subjects, findings);
    doctor::check_codecs(subjects, findings);
    doctor::check_cameras(subjects, findings);
    doctor::check_ports(subjects, findings);
    doctor::check_limits(subjects, findings);
    findings.insert(findings.end(), broken.begin(), broken.end());
    check_directories(findings);

    const auto count = [&](Status status) {
        return std::count_if(findings.begin(), findings.end(),
                             [&](const Finding &finding) { return finding.status == status; });
    };
    const auto failures = count(Status::fail), warnings = count(Status::warn);
    if (as_json) {
        nlohmann::json list = nlohmann::json::array();
        for (const Finding &finding : findings)
            list.push_back({{"area", finding.area},
                            {"subject", finding.subject},
                            {"status", word_of(finding.status)},
                            {"detail", finding.detail},
                            {"mend", finding.mend}});
        output.print(nlohmann::json{{"ok", failures == 0}, {"findings", std::move(list)}}.dump(
            2, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
        print_table(findings);
        output.print("");
        output.print(failures || warnings ? std::to_string(failures) + " failed, " +
                                                std::to_string(warnings) + " warned"
                                          : "nothing is missing");
    }
    return failures ? exit_failed : exit_ok;
}

} // namespace penstock::cli
