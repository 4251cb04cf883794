// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/alternatives.h"

#include <algorithm>

namespace penstock::description {
namespace {

constexpr size_t most_assignments = 1024;

/// A parameter with the values that conditions distinguish.
struct Choices {
    const Parameter *parameter = nullptr;
    std::vector<std::optional<std::string>> words;
};

void collect(const std::vector<Condition> &when, const Description &description,
             std::vector<Choices> &out) {
    for (const Condition &condition : when) {
        const Parameter *parameter = description.find_parameter(condition.parameter);
        if (!parameter) continue;
        auto found = std::find_if(out.begin(), out.end(),
                                  [&](const Choices &c) { return c.parameter == parameter; });
        if (found == out.end()) {
            Choices choices{parameter, {}};
            if (parameter->type == Type::choice)
                for (const Choice &choice : parameter->choices)
                    choices.words.emplace_back(choice.name);
            else if (parameter->type == Type::boolean)
                choices.words = {"true", "false"};
            else
                choices.words = {std::nullopt};
            found = out.insert(out.end(), std::move(choices));
        }
        const auto wanted = parse_value(*parameter, condition.word, nullptr);
        const bool known =
            !wanted || std::any_of(found->words.begin(), found->words.end(), [&](const auto &word) {
                const auto value = word ? parse_value(*parameter, *word, nullptr) : std::nullopt;
                return value && same_value(*value, *wanted);
            });
        if (!known) found->words.emplace_back(condition.word);
    }
}

bool holds(const std::vector<Condition> &when, const Assignment &assignment,
           const Description &description) {
    return std::all_of(when.begin(), when.end(), [&](const Condition &condition) {
        const Parameter *parameter = description.find_parameter(condition.parameter);
        const auto found = assignment.find(condition.parameter);
        if (!parameter || found == assignment.end() || !found->second) return !condition.is_equal;
        const auto wanted = parse_value(*parameter, condition.word, nullptr);
        const auto value = parse_value(*parameter, *found->second, nullptr);
        return wanted && value && same_value(*wanted, *value) == condition.is_equal;
    });
}

std::vector<Assignment> assignments_of(const std::vector<Choices> &choices) {
    size_t count = 1;
    for (const Choices &one : choices)
        count = std::min(count * one.words.size(), most_assignments + 1);
    std::vector<Assignment> out;
    Assignment first;
    for (const Choices &one : choices)
        first[one.parameter->name] = one.words.front();
    if (count > most_assignments) {
        out.push_back(first);
        for (const Choices &one : choices)
            for (size_t i = 1; i < one.words.size(); ++i) {
                Assignment next = first;
                next[one.parameter->name] = one.words[i];
                out.push_back(std::move(next));
            }
        return out;
    }
    out.push_back({});
    for (const Choices &one : choices) {
        std::vector<Assignment> longer;
        for (const Assignment &assignment : out)
            for (const auto &word : one.words) {
                longer.push_back(assignment);
                longer.back()[one.parameter->name] = word;
            }
        out = std::move(longer);
    }
    return out;
}

bool has(const Assignment &assignment, const std::string &name,
         const std::optional<std::string> &word) {
    const auto found = assignment.find(name);
    return found != assignment.end() && found->second == word;
}

std::string say(const std::string &name, const std::optional<std::string> &word) {
    return word ? name + "=" + *word : "another " + name;
}

} // namespace

std::vector<Alternative> alternatives_of(const PipelineText &pipeline,
                                         const Description &description) {
    std::vector<Choices> choices;
    collect(pipeline.when, description, choices);
    for (const Fragment &fragment : pipeline.fragments)
        collect(fragment.when, description, choices);
    std::vector<Alternative> out;
    for (Assignment &assignment : assignments_of(choices)) {
        if (!holds(pipeline.when, assignment, description)) continue;
        Alternative alternative;
        for (const Fragment &fragment : pipeline.fragments)
            if (holds(fragment.when, assignment, description))
                alternative.fragments.push_back(&fragment);
        auto same = std::find_if(out.begin(), out.end(), [&](const Alternative &other) {
            return other.fragments == alternative.fragments;
        });
        if (same == out.end()) same = out.insert(out.end(), std::move(alternative));
        same->assignments.push_back(std::move(assignment));
    }
    return out;
}

std::string say_alternatives(const std::vector<const Alternative *> &some,
                             const std::vector<Alternative> &all) {
    if (some.size() == all.size() || some.empty()) return {};
    const auto is_in = [&](const Alternative &alternative) {
        return std::find(some.begin(), some.end(), &alternative) != some.end();
    };
    // Looks for a single word that characterizes `some`: all assignments with it are in `some`, and
    // no others.
    for (const auto &[name, word] : some.front()->assignments.front()) {
        bool says_it = true;
        for (const Alternative &alternative : all)
            for (const Assignment &assignment : alternative.assignments)
                says_it &= has(assignment, name, word) == is_in(alternative);
        if (says_it) return " with " + say(name, word);
    }
    std::vector<std::string> words;
    for (const auto &[name, word] : some.front()->assignments.front())
        words.push_back(say(name, word));
    return " with " + enumerate(words);
}

} // namespace penstock::description
