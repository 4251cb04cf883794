// SPDX-License-Identifier: LGPL-2.1-or-later
// The parameters of a description: names, types, ranges, defaults, choices.
#include "description/loader.h"

namespace penstock::description {

void Loader::load_parameters(const Node::Entry &entry) {
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "'parameters' has to hold names with their types",
                "write `name: {type: string, default: …}`");
        return;
    }
    for (const Node::Entry &parameter : entry.value.entries)
        load_parameter(parameter);
    // A condition may name a parameter that stands further down.
    for (const auto &[index, condition] : required_when_) {
        Parameter &parameter = out_.parameters[index];
        parameter.required_when = load_when(condition);
        for (const Condition &each : parameter.required_when)
            if (each.parameter == parameter.name)
                problem(condition.value.mark, "'" + parameter.name + "' is required by itself",
                        "name another parameter, or write `required: true`");
    }
}

/// `true`, `false`, or a condition.
void Loader::load_required(const Node::Entry &entry, Parameter &parameter) {
    if (!entry.value.is_scalar() || entry.value.text.find("${") == std::string::npos) {
        parameter.required = read_bool(entry);
        return;
    }
    required_when_.emplace_back(out_.parameters.size(), entry);
    parameter.is_required_sometimes = true;
}

void Loader::load_parameter(const Node::Entry &entry) {
    Parameter parameter{.name = entry.key, .mark = entry.key_mark};
    if (!is_name(entry.key))
        problem(entry.key_mark, "'" + entry.key + "' can't be a parameter's name",
                "use lower-case letters, digits and dashes, a letter first");
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "the parameter '" + entry.key + "' has no type",
                "write `" + entry.key + ": {type: string}`");
        parameter.is_known = false;
        out_.parameters.push_back(std::move(parameter));
        return;
    }
    const Node::Entry *type = nullptr, *min = nullptr, *max = nullptr, *choices = nullptr,
                      *schemes = nullptr, *optional = nullptr;
    const auto entries = known_entries(entry.value, Place::parameter, " of a parameter");
    for (const Node::Entry &key : entries) {
        if (key.key == "type") {
            type = &key;
        } else if (key.key == "default") {
            parameter.default_text = key.value.kind == Node::Kind::null ? "" : read_text(key);
            parameter.default_mark = key.value.mark;
        } else if (key.key == "min") {
            min = &key;
        } else if (key.key == "max") {
            max = &key;
        } else if (key.key == "help") {
            parameter.help = read_text(key);
        } else if (key.key == "secret") {
            parameter.secret = read_bool(key);
        } else if (key.key == "required") {
            load_required(key, parameter);
        } else if (key.key == "choices") {
            choices = &key;
        } else if (key.key == "schemes") {
            schemes = &key;
        } else if (key.key == "optional") {
            optional = &key;
        }
    }
    if (!type) {
        missing(entry.key_mark, "the parameter '" + entry.key + "' has no type",
                "add one of " + enumerate(type_names()));
    } else if (const auto known = type_from_name(read_text(*type))) {
        parameter.type = *known;
    } else {
        problem(
            type->value.mark, "'" + type->value.text + "' is no type",
            did_you_mean(type->value.text, type_names(), "take one of " + enumerate(type_names())));
        type = nullptr;
    }
    parameter.is_known = type != nullptr;
    if (choices) {
        if (type && parameter.type != Type::choice)
            problem(choices->key_mark, "only a parameter of type choice has 'choices'",
                    "write `type: choice`");
        load_choices(*choices, parameter);
    } else if (parameter.type == Type::choice) {
        missing(entry.key_mark, "the choice '" + entry.key + "' has no choices",
                "add `choices: [one, other]`");
    }
    if (schemes) {
        if (type && parameter.type != Type::url)
            problem(schemes->key_mark, "only a parameter of type url has 'schemes'",
                    "write `type: url`");
        load_schemes(*schemes, parameter);
    }
    if (optional) {
        if (type && parameter.type != Type::address)
            problem(optional->key_mark, "only a parameter of type address has 'optional'",
                    "write `type: address`");
        parameter.is_optional = read_bool(*optional);
    }
    if (type) check_parameter(parameter, min, max);
    out_.parameters.push_back(std::move(parameter));
}

void Loader::load_schemes(const Node::Entry &entry, Parameter &parameter) {
    for (const Node &item : entry.value.items) {
        if (!item.is_scalar()) continue;
        parameter.schemes.push_back(item.text);
    }
    if (!entry.value.is_sequence() || parameter.schemes.empty() ||
        parameter.schemes.size() != entry.value.items.size())
        problem(entry.value.mark, "'schemes' is no list of words",
                "write `schemes: [rtmp, rtmps]`");
}

void Loader::load_choices(const Node::Entry &entry, Parameter &parameter) {
    if (entry.value.is_sequence()) {
        for (const Node &item : entry.value.items) {
            if (item.is_scalar())
                parameter.choices.push_back({item.text, {}});
            else
                problem(item.mark, "a choice has to be a word", "write `choices: [one, other]`");
        }
    } else if (entry.value.is_map()) {
        for (const Node::Entry &choice : entry.value.entries) {
            Choice out{choice.key, {}};
            if (choice.value.is_map()) {
                for (const Node::Entry &setting : choice.value.entries)
                    out.settings[setting.key] = read_text(setting);
            } else if (choice.value.kind != Node::Kind::null) {
                problem(choice.value.mark, "a choice holds settings",
                        "write `" + choice.key + ": {setting: value}`");
            }
            // All choices need the same settings, so that `${name.setting}` always has a value.
            if (!parameter.choices.empty()) {
                const auto &first = parameter.choices.front();
                for (const auto &[name, value] : first.settings)
                    if (!out.settings.contains(name))
                        problem(choice.key_mark,
                                "'" + choice.key + "' lacks the setting '" + name + "' of '" +
                                    first.name + "'",
                                "every choice has the same settings");
                for (const auto &[name, value] : out.settings)
                    if (!first.settings.contains(name))
                        problem(choice.key_mark,
                                "'" + choice.key + "' has a setting '" + name + "' that '" +
                                    first.name + "' lacks",
                                "every choice has the same settings");
            }
            parameter.choices.push_back(std::move(out));
        }
    }
    if (parameter.choices.empty())
        problem(entry.key_mark, "'choices' is empty", "write `choices: [one, other]`");
}

void Loader::check_parameter(Parameter &parameter, const Node::Entry *min, const Node::Entry *max) {
    const auto read_bound = [&](const Node::Entry *bound, std::optional<double> &number,
                                std::string &text) {
        if (!bound) return;
        text = read_text(*bound);
        const bool length = parameter.type == Type::string;
        number = parse_quantity(length ? Type::integer : parameter.type, text);
        if (!number)
            problem(bound->value.mark,
                    "'" + bound->value.text + "' is no bound of a " + type_name(parameter.type),
                    "give a value of the parameter's type");
    };
    read_bound(min, parameter.min, parameter.min_text);
    read_bound(max, parameter.max, parameter.max_text);
    if (parameter.min && parameter.max && *parameter.min > *parameter.max)
        problem(min->key_mark, "'min' is larger than 'max'", "exchange them");
    if (parameter.required && parameter.default_text) {
        problem(parameter.default_mark, "'" + parameter.name + "' is required and has a default",
                "keep one of the two");
    } else if (!parameter.required && !parameter.is_required_sometimes && !parameter.default_text) {
        missing(parameter.mark, "'" + parameter.name + "' has no default",
                "add `default: …`, `required: true` or `required: ${other} == value`");
    }
    std::string error;
    if (parameter.default_text && !parse_value(parameter, *parameter.default_text, &error))
        problem(parameter.default_mark, "the default of '" + parameter.name + "': " + error, "");
}

} // namespace penstock::description
