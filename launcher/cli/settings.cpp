// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/settings.h"

#include "cli/output.h"
#include "description/uses.h"

#include <glib.h>

#include <algorithm>
#include <map>
#include <optional>

namespace penstock::cli {
namespace {

struct Setting {
    std::string description; ///< empty: applies to every description with the parameter
    std::string parameter;
    std::string value;
};

/// "with source=tone: add --set source=file"
std::string say_lacking(const std::vector<description::Condition> &lacking,
                        const description::Binding &binding) {
    std::string now, mend;
    for (const description::Condition &each : lacking) {
        const auto *value = binding.find(each.parameter);
        const bool has_text = value && !value->text.empty();
        now += (now.empty() ? "" : " and ") + std::string(has_text ? "with " : "without ") +
               each.parameter + (has_text ? "=" + value->text : "");
        mend += " --set " + each.parameter + "=" + (each.is_equal ? each.word : "…");
    }
    return now + ": add" + mend;
}

/// nullopt if the text has no name or no `=`.
std::optional<Setting> parse_setting(const std::string &text) {
    const size_t equals = text.find('=');
    if (equals == text.npos || equals == 0) return std::nullopt;
    Setting setting{"", text.substr(0, equals), text.substr(equals + 1)};
    if (const size_t dot = setting.parameter.find('.'); dot != std::string::npos) {
        setting.description = setting.parameter.substr(0, dot);
        setting.parameter.erase(0, dot + 1);
    }
    return setting;
}

} // namespace

std::vector<std::unique_ptr<description::Binding>>
bind_all(const std::vector<const description::Description *> &descriptions,
         const std::vector<std::string> &settings, std::vector<std::string> &errors,
         Values values) {
    std::vector<Setting> parsed;
    for (const std::string &text : settings) {
        auto parsed_one = parse_setting(text);
        if (!parsed_one) {
            errors.push_back("--set " + text + ": write --set name=value");
            continue;
        }
        Setting &setting = *parsed_one;
        const std::string given = text.substr(0, text.find('='));
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
                "--set " + given + ": '" + setting.description +
                "' is none of the descriptions named: " +
                description::did_you_mean(setting.description, names,
                                          "there is " + description::enumerate(names)));
            continue;
        }
        if (!used) {
            errors.push_back("--set " + given + ": there is no such parameter: " +
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

std::vector<std::string>
differences(const std::vector<std::unique_ptr<description::Binding>> &bindings,
            const std::vector<std::string> &settings) {
    std::vector<Setting> parsed;
    for (const std::string &text : settings)
        if (auto setting = parse_setting(text)) parsed.push_back(std::move(*setting));
    const auto is_given = [&](const std::string &description, const std::string &parameter) {
        return std::any_of(parsed.begin(), parsed.end(), [&](const Setting &other) {
            return other.parameter == parameter &&
                   (other.description.empty() || other.description == description);
        });
    };
    std::vector<std::string> out;
    for (const Setting &setting : parsed) {
        if (setting.description.empty()) continue;
        for (const auto &binding : bindings) {
            const auto &other = binding->description();
            const auto *parameter = other.find_parameter(setting.parameter);
            const auto *value = binding->find(setting.parameter);
            if (other.name == setting.description || !parameter || !value || parameter->secret ||
                value->text == setting.value || is_given(other.name, setting.parameter))
                continue;
            out.push_back("'" + setting.parameter + "' differs: " + setting.description + " has " +
                          setting.value + ", " + other.name + " " + value->text + ": `--set " +
                          setting.parameter + "=" + setting.value + "` gives it to both, `--set " +
                          other.name + "." + setting.parameter + "=" + value->text +
                          "` says that it is meant");
        }
    }
    return out;
}

std::vector<std::string> unused(const std::vector<std::unique_ptr<description::Binding>> &bindings,
                                const std::vector<std::string> &settings) {
    std::vector<std::string> out;
    for (const std::string &text : settings) {
        const auto setting = parse_setting(text);
        if (!setting) continue;
        std::string said;
        bool has_effect = false;
        for (const auto &binding : bindings) {
            const auto &description = binding->description();
            if (!setting->description.empty() && setting->description != description.name) continue;
            if (!description.find_parameter(setting->parameter)) continue;
            const auto lacking = description::unused_because(*binding, setting->parameter);
            has_effect |= lacking.empty();
            if (!lacking.empty() && said.empty()) said = say_lacking(lacking, *binding);
        }
        if (has_effect || said.empty()) continue;
        out.push_back("--set " + text.substr(0, text.find('=')) + " is not used " + said);
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
    for (const std::string &text : unused(bindings, settings))
        Output::get().warning(text);
    return std::move(bindings[0]);
}

} // namespace penstock::cli
