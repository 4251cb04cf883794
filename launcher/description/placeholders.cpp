// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/placeholders.h"

#include "description/article.h"

#include <algorithm>

namespace penstock::description {
namespace {

void check_placeholder(const Placeholder &placeholder, Mark mark, const Description &description,
                       const std::vector<std::string> &captures, Problems &problems) {
    const std::string shown = "'" + placeholder.name + "'";
    if (std::find(captures.begin(), captures.end(), placeholder.name) != captures.end()) {
        if (!placeholder.unit.empty() || !placeholder.setting.empty())
            problems.push_back(
                {mark,
                 shown + (is_time(placeholder, description)
                              ? " is the time of the start and has neither units nor "
                                "settings"
                              : " comes from the network and has neither units nor "
                                "settings"),
                 "write ${" + placeholder.name + "}"});
        return;
    }
    const Parameter *parameter = description.find_parameter(placeholder.name);
    if (!parameter && !description.is_whole) return;
    if (parameter && !parameter->is_known) return;
    if (!parameter) {
        std::vector<std::string> names = description.parameter_names();
        names.insert(names.end(), captures.begin(), captures.end());
        // ${time} is among them everywhere.
        const bool has_capture =
            std::any_of(captures.begin(), captures.end(), [&](const std::string &capture) {
                return !is_time({.name = capture}, description);
            });
        const std::string what =
            (has_capture ? "there is no parameter or capture " : "there is no parameter ") + shown;
        // A misspelt capture would be missed wherever the rule uses it.
        if (std::any_of(problems.begin(), problems.end(),
                        [&](const Problem &other) { return other.what == what; }))
            return;
        problems.push_back(
            {mark, what, did_you_mean(placeholder.name, names, "add it under `parameters:`")});
        return;
    }
    const std::string type = type_name(parameter->type);
    const std::vector<std::string> units = unit_names(parameter->type);
    if (!placeholder.setting.empty()) {
        if (parameter->type != Type::choice) {
            problems.push_back({mark, shown + " is " + with_article(type) + " and has no settings",
                                "write ${" + placeholder.name + "}"});
        } else if (!parameter->choices.empty() &&
                   !parameter->choices.front().settings.contains(placeholder.setting)) {
            std::vector<std::string> settings;
            for (const auto &[name, value] : parameter->choices.front().settings)
                settings.push_back(name);
            problems.push_back(
                {mark, "the choices of " + shown + " have no setting '" + placeholder.setting + "'",
                 did_you_mean(placeholder.setting, settings, "add it to each of the choices")});
        }
        return;
    }
    if (units.empty()) {
        if (!placeholder.unit.empty())
            problems.push_back({mark, shown + " is " + with_article(type) + " and takes no unit",
                                "write ${" + placeholder.name + "}"});
        return;
    }
    if (placeholder.unit.empty()) {
        problems.push_back({mark, shown + " is a " + type + " and is used without a unit",
                            "say which: ${" + placeholder.name + ":" + units.front() +
                                "} (one of " + enumerate(units) + ")"});
    } else if (std::find(units.begin(), units.end(), placeholder.unit) == units.end()) {
        problems.push_back(
            {mark, "'" + placeholder.unit + "' is no unit of a " + type,
             did_you_mean(placeholder.unit, units, "take one of " + enumerate(units))});
    }
}

} // namespace

bool is_time(const Placeholder &placeholder, const Description &description) {
    return placeholder.name == "time" && !description.find_parameter("time");
}

void check_pieces(const Pieces &pieces, const Node &node, const Description &description,
                  const std::vector<std::string> &captures, Problems &problems) {
    for (const Piece &piece : pieces)
        if (piece.placeholder && !piece.placeholder->is_capture)
            check_placeholder(*piece.placeholder, node.mark_at(piece.placeholder->offset),
                              description, captures, problems);
}

} // namespace penstock::description
