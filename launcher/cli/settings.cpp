// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/settings.h"

#include "cli/output.h"

#include <glib.h>

#include <algorithm>
#include <map>

namespace penstock::cli {
namespace {

struct Setting {
    std::string description; ///< empty: applies to every description with the parameter
    std::string parameter;
    std::string value;
};

} // namespace

std::vector<std::unique_ptr<description::Binding>>
bind_all(const std::vector<const description::Description *> &descriptions,
         const std::vector<std::string> &settings, std::vector<std::string> &errors,
         Values values) {
    std::vector<Setting> parsed;
    for (const std::string &text : settings) {
        const size_t equals = text.find('=');
        if (equals == text.npos || equals == 0) {
            errors.push_back("--set " + text + ": write --set name=value");
            continue;
        }
        Setting setting{"", text.substr(0, equals), text.substr(equals + 1)};
        if (const size_t dot = setting.parameter.find('.'); dot != std::string::npos) {
            setting.description = setting.parameter.substr(0, dot);
            setting.parameter.erase(0, dot + 1);
        }
        std::vector<std::string> known;
        bool used = false, runs = setting.description.empty();
        for (const auto *description : descriptions) {
            if (!setting.description.empty() && setting.description != description->name) continue;
            runs = true;
            used = used || description->find_parameter(setting.parameter);
            for (const std::string &name : description->parameter_names())
                if (std::find(known.begin(), known.end(), name) == known.end())
                    known.push_back(name);
        }
        if (!runs) {
            std::vector<std::string> names;
            for (const auto *description : descriptions)
                names.push_back(description->name);
            errors.push_back(
                "--set " + text.substr(0, equals) + ": '" + setting.description +
                "' is none of the descriptions named: " +
                description::did_you_mean(setting.description, names,
                                          "there is " + description::enumerate(names)));
            continue;
        }
        if (!used) {
            errors.push_back("--set " + text.substr(0, equals) + ": there is no such parameter: " +
                             description::did_you_mean(
                                 setting.parameter, known,
                                 known.empty() ? "`penstock show` lists them"
                                               : "there are " + description::enumerate(known)));
            continue;
        }
        parsed.push_back(std::move(setting));
    }
    std::vector<std::unique_ptr<description::Binding>> out;
    for (const auto *description : descriptions) {
        std::map<std::string, std::string> overrides;
        // A setting that names the description takes precedence, wherever it stands.
        for (const bool exact : {false, true})
            for (const Setting &setting : parsed)
                if (exact ? setting.description == description->name : setting.description.empty())
                    overrides[setting.parameter] = setting.value;
        out.push_back(std::make_unique<description::Binding>(*description, overrides, g_getenv,
                                                             errors, values));
    }
    return out;
}

std::unique_ptr<description::Binding> bind_or_say(const description::Description &description,
                                                  const std::vector<std::string> &settings) {
    std::vector<std::string> errors;
    auto bindings = bind_all({&description}, settings, errors, Values::some);
    for (const std::string &text : errors)
        Output::get().error(text);
    if (!errors.empty()) return nullptr;
    Output::get().hide(bindings[0]->secrets());
    return std::move(bindings[0]);
}

} // namespace penstock::cli
