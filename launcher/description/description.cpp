// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/description.h"

#include "core/net/address.h"
#include "description/keys.h"
#include "description/placeholders.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

namespace penstock::description {
namespace {

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && name[0] >= 'a' && name[0] <= 'z' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == name.npos;
}

class Loader {
public:
    Loader(Description &out, Problems &problems) : out_(out), problems_(problems) {}
    void load(const Node &root);

private:
    void problem(Mark mark, std::string what, std::string mend) {
        problems_.push_back({mark, std::move(what), std::move(mend)});
    }
    /// Of what is not there nothing is known where the file can't be read to its end.
    void missing(Mark mark, std::string what, std::string mend) {
        if (out_.is_whole) problem(mark, std::move(what), std::move(mend));
    }
    std::vector<Node::Entry> known_entries(const Node &map, Place place, const std::string &where);
    std::string read_text(const Node::Entry &entry) {
        if (entry.value.is_scalar()) return entry.value.text;
        problem(entry.value.mark, "'" + entry.key + "' has to be text",
                "write " + entry.key + ": …");
        return {};
    }
    bool read_bool(const Node::Entry &entry) {
        const std::string text = read_text(entry);
        if (text != "true" && text != "false")
            problem(entry.value.mark, "'" + entry.key + "' has to be true or false", "write one");
        return text == "true";
    }
    void load_parameters(const Node::Entry &entry);
    void load_parameter(const Node::Entry &entry);
    void load_choices(const Node::Entry &entry, Parameter &parameter);
    void check_parameter(Parameter &parameter, const Node::Entry *min, const Node::Entry *max);
    void load_page(const Node::Entry &entry);
    void load_start(const Node::Entry &entry);
    void load_rules(const Node::Entry &entry, void (Loader::*load)(const Node &));
    void load_play_rule(const Node &node);
    std::optional<Template> load_duration(const Node::Entry &entry);
    void load_max_instances(const Node::Entry &entry, size_t &out);
    void load_rule(const Node &node);
    void load_restart(const Node::Entry &entry);
    std::optional<PipelineText> load_pipeline(const std::string &name, const Node &node,
                                              const std::vector<std::string> &captures);
    std::optional<Fragment> load_fragment(const Node &node, Extent extent,
                                          const std::vector<std::string> &captures);
    std::vector<Condition> load_when(const Node::Entry &entry);
    std::optional<Template> load_template(const Node::Entry &entry, bool captures);
    std::vector<std::string> check_match(const Template &match,
                                         const std::vector<std::string> &schemes);

    Description &out_;
    Problems &problems_;
};

/// The entries with known keys. One that is misspelt counts as what was meant, if that is not there
/// too: one mistake is one problem.
std::vector<Node::Entry> Loader::known_entries(const Node &map, Place place,
                                               const std::string &where) {
    const std::vector<std::string> &keys = keys_of(place);
    const auto has = [](const std::vector<Node::Entry> &entries, const std::string &key) {
        return std::any_of(entries.begin(), entries.end(),
                           [&](const Node::Entry &entry) { return entry.key == key; });
    };
    std::vector<Node::Entry> out;
    for (const Node::Entry &entry : map.entries) {
        Node::Entry taken = entry;
        if (std::find(keys.begin(), keys.end(), entry.key) == keys.end()) {
            problem(entry.key_mark, "unknown key '" + entry.key + "'" + where,
                    did_you_mean(entry.key, keys, "known are " + enumerate(keys)));
            taken.key = nearest(entry.key, keys);
            if (taken.key.empty() || has(map.entries, taken.key) || has(out, taken.key)) continue;
        }
        out.push_back(std::move(taken));
    }
    return out;
}

void Loader::load(const Node &root) {
    if (!root.is_map()) {
        problem(root.mark, "a description is a list of keys", "begin with `summary: …`");
        return;
    }
    const std::vector<Node::Entry> entries = known_entries(root, Place::top, "");
    // Parameters first, wherever they stand: everything else refers to them.
    for (const Node::Entry &entry : entries)
        if (entry.key == "parameters") load_parameters(entry);
    const Node::Entry *start = nullptr;
    bool has_summary = false, has_rules = false;
    for (const Node::Entry &entry : entries) {
        if (entry.key == "summary") {
            const size_t before = problems_.size();
            out_.summary = read_text(entry);
            has_summary = !out_.summary.empty() || problems_.size() > before;
            if (out_.summary.find('\n') != std::string::npos)
                problem(entry.value.mark, "the summary has several lines",
                        "keep it to one; `description` takes the rest");
        } else if (entry.key == "description") {
            out_.text = read_text(entry);
        } else if (entry.key == "start" || entry.key == "pipeline") {
            if (start)
                problem(entry.key_mark, "both 'start' and 'pipeline' are there",
                        "`pipeline` is the short form of a `start` with one pipeline: keep one");
            start = &entry;
            load_start(entry);
        } else if (entry.key == "publish") {
            has_rules = true;
            load_rules(entry, &Loader::load_rule);
        } else if (entry.key == "play") {
            has_rules = true;
            load_rules(entry, &Loader::load_play_rule);
        } else if (entry.key == "page") {
            load_page(entry);
        } else if (entry.key == "restart") {
            load_restart(entry);
        } else if (entry.key == "expect") {
            out_.expect = load_expect(entry, out_, problems_);
        }
    }
    if (!has_summary) missing({}, "there is no summary", "add `summary: …`, one line");
    if (!start && !has_rules)
        missing({}, "nothing runs", "add a `pipeline`, a `start`, a `publish` or a `play`");
}

void Loader::load_parameters(const Node::Entry &entry) {
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "'parameters' has to hold names with their types",
                "write `name: {type: string, default: …}`");
        return;
    }
    for (const Node::Entry &parameter : entry.value.entries)
        load_parameter(parameter);
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
    const Node::Entry *type = nullptr, *min = nullptr, *max = nullptr, *choices = nullptr;
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
            parameter.required = read_bool(key);
        } else if (key.key == "choices") {
            choices = &key;
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
    if (type) check_parameter(parameter, min, max);
    out_.parameters.push_back(std::move(parameter));
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
            // `${name.setting}` has to mean something whatever is chosen.
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
    } else if (!parameter.required && !parameter.default_text) {
        missing(parameter.mark, "'" + parameter.name + "' has no default",
                "add `default: …` or `required: true`");
    }
    std::string error;
    if (parameter.default_text && !parse_value(parameter, *parameter.default_text, &error))
        problem(parameter.default_mark, "the default of '" + parameter.name + "': " + error, "");
}

void Loader::load_page(const Node::Entry &entry) {
    out_.page = load_template(entry, false);
    if (!out_.page || out_.page->pieces.empty()) return;
    const Piece &first = out_.page->pieces.front();
    const Parameter *parameter =
        first.placeholder ? out_.find_parameter(first.placeholder->name) : nullptr;
    if (first.placeholder && !parameter) return;
    if (parameter && !parameter->is_known) return;
    const bool good = out_.page->pieces.size() == 1 &&
                      (parameter ? parameter->type == Type::address
                                 : net::parse_address(first.literal).has_value());
    // Put together from a name and a number, it can only be tried.
    if (!good && (out_.page->pieces.size() == 1 || !parameter))
        problem(entry.value.mark, "'page' has to be an address",
                "write ${name} of a parameter of type address, or host:port");
}

void Loader::load_start(const Node::Entry &entry) {
    const auto add = [&](const Node &node) {
        const size_t number = out_.start.size() + 1;
        const std::string name = number == 1 ? "start" : "start-" + std::to_string(number);
        const Node *text = &node;
        const Node::Entry *when = nullptr;
        std::string own_name = name;
        std::vector<Node::Entry> entries;
        if (node.is_map()) {
            text = nullptr;
            entries = known_entries(node, Place::start, " of a start pipeline");
            for (const Node::Entry &key : entries) {
                if (key.key == "pipeline")
                    text = &key.value;
                else if (key.key == "when")
                    when = &key;
                else if (key.key == "name")
                    own_name = read_text(key);
            }
            if (!text)
                return missing(node.mark, "this entry has no 'pipeline'", "add `pipeline: |`");
        }
        auto pipeline = load_pipeline(own_name, *text, {});
        if (!pipeline) return;
        if (when) pipeline->when = load_when(*when);
        out_.start.push_back(std::move(*pipeline));
    };
    if (entry.key == "start" && entry.value.is_sequence()) {
        for (const Node &item : entry.value.items)
            add(item);
        if (entry.value.items.empty())
            problem(entry.key_mark, "'start' is empty", "write launch lines, or leave it out");
        return;
    }
    add(entry.value);
}

void Loader::load_rules(const Node::Entry &entry, void (Loader::*load)(const Node &)) {
    if (entry.value.is_map()) return (this->*load)(entry.value);
    if (!entry.value.is_sequence() || entry.value.items.empty()) {
        problem(entry.key_mark, "'" + entry.key + "' has to hold rules",
                "write `- match: …` below it");
        return;
    }
    for (const Node &item : entry.value.items)
        (this->*load)(item);
}

/// A duration, or one placeholder for it.
std::optional<Template> Loader::load_duration(const Node::Entry &entry) {
    auto text = load_template(entry, false);
    if (!text) return std::nullopt;
    const Piece *only = text->pieces.size() == 1 ? &text->pieces[0] : nullptr;
    const Parameter *parameter =
        only && only->placeholder ? out_.find_parameter(only->placeholder->name) : nullptr;
    const bool is_wrong_type =
        parameter && parameter->is_known && parameter->type != Type::duration;
    if (!only || is_wrong_type || (!only->placeholder && !parse_duration(entry.value.text)))
        problem(entry.value.mark, "'" + entry.key + "' has to be a duration",
                "write 10s or ${name:ns}");
    return text;
}

void Loader::load_max_instances(const Node::Entry &entry, size_t &out) {
    const std::string &text = entry.value.text;
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out);
    if (error != std::errc() || stop != end || out == 0 || out > 100'000)
        problem(entry.value.mark, "'max-instances' has to be a number from 1 to 100000",
                "write 100");
}

void Loader::load_rule(const Node &node) {
    if (!node.is_map()) {
        problem(node.mark, "a publish rule has to hold keys", "write `match: …` and `pipeline: |`");
        return;
    }
    PublishRule rule{.mark = node.mark};
    const Node::Entry *match = nullptr, *pipeline = nullptr;
    const auto entries = known_entries(node, Place::publish, " of a publish rule");
    for (const Node::Entry &entry : entries) {
        if (entry.key == "match") {
            match = &entry;
        } else if (entry.key == "pipeline") {
            pipeline = &entry;
        } else if (entry.key == "publish-key") {
            rule.publish_key = load_template(entry, false);
        } else if (entry.key == "grace") {
            rule.grace = load_duration(entry);
        } else if (entry.key == "max-instances") {
            load_max_instances(entry, rule.max_instances);
        }
    }
    if (!match)
        missing(node.mark, "the publish rule has no 'match'",
                "add `match: rtmp://${rtmp}/live/{name}`");
    else if (auto text = load_template(*match, true)) {
        rule.match = std::move(*text);
        rule.captures = check_match(rule.match, {"rtmp://"});
    }
    if (!pipeline) {
        missing(node.mark, "the publish rule has no 'pipeline'", "add `pipeline: |`");
    } else if (auto text = load_pipeline("publish", pipeline->value, rule.captures)) {
        rule.pipeline = std::move(*text);
        out_.publish.push_back(std::move(rule));
    }
}

void Loader::load_play_rule(const Node &node) {
    if (!node.is_map()) {
        problem(node.mark, "a play rule has to hold keys", "write `match: …` and `pipeline: |`");
        return;
    }
    PlayRule rule{.mark = node.mark};
    const Node::Entry *match = nullptr, *pipeline = nullptr;
    const auto entries = known_entries(node, Place::play, " of a play rule");
    for (const Node::Entry &entry : entries) {
        if (entry.key == "match")
            match = &entry;
        else if (entry.key == "pipeline")
            pipeline = &entry;
        else if (entry.key == "idle")
            rule.idle = load_duration(entry);
        else if (entry.key == "max-instances")
            load_max_instances(entry, rule.max_instances);
    }
    const auto add_match = [&](const Node::Entry &entry) {
        auto text = load_template(entry, true);
        if (!text) return;
        auto captures = check_match(*text, {"rtmp://", "http://", "https://"});
        if (!rule.matches.empty() && std::set(captures.begin(), captures.end()) !=
                                         std::set(rule.captures.begin(), rule.captures.end()))
            problem(entry.value.mark, "this match captures other names than the first",
                    "every match of a rule stands for the same stream: use the same captures");
        if (rule.matches.empty()) rule.captures = std::move(captures);
        rule.matches.push_back(std::move(*text));
    };
    if (!match) {
        missing(node.mark, "the play rule has no 'match'",
                "add `match: rtmp://${rtmp}/live/{name}_480p`");
    } else if (match->value.is_sequence()) {
        if (match->value.items.empty())
            problem(match->key_mark, "'match' is empty", "write addresses, or one");
        for (const Node &item : match->value.items)
            add_match({match->key, match->key_mark, item});
    } else {
        add_match(*match);
    }
    if (!pipeline)
        missing(node.mark, "the play rule has no 'pipeline'", "add `pipeline: |`");
    else if (auto text = load_pipeline("play", pipeline->value, rule.captures)) {
        rule.pipeline = std::move(*text);
        out_.play.push_back(std::move(rule));
    }
}

/// SCHEME://ADDRESS/segments, at most one capture in a segment. Returns the captures.
std::vector<std::string> Loader::check_match(const Template &match,
                                             const std::vector<std::string> &schemes) {
    const Node &node = match.node;
    std::vector<std::string> captures;
    std::string shape; // a placeholder as \1, a capture as \2
    for (const Piece &piece : match.pieces) {
        if (!piece.placeholder) {
            shape += piece.literal;
            continue;
        }
        const Placeholder &found = *piece.placeholder;
        shape += found.is_capture ? '\2' : '\1';
        if (!found.is_capture) continue;
        const Mark mark = node.mark_at(found.offset);
        if (!is_name(found.name))
            problem(mark, "'" + found.name + "' can't be a capture's name",
                    "use lower-case letters, digits and dashes, a letter first");
        if (out_.find_parameter(found.name))
            problem(mark, "'" + found.name + "' is a parameter and a capture",
                    "rename one of them");
        if (std::find(captures.begin(), captures.end(), found.name) != captures.end())
            problem(mark, "'" + found.name + "' is captured twice", "rename one of them");
        captures.push_back(found.name);
    }
    const auto scheme = std::find_if(schemes.begin(), schemes.end(),
                                     [&](const auto &each) { return shape.starts_with(each); });
    const size_t slash = scheme == schemes.end() ? shape.npos : shape.find('/', scheme->size());
    if (slash == shape.npos) {
        std::string wanted;
        for (const std::string &each : schemes)
            wanted += (wanted.empty() ? "an " : " or ") + each;
        problem(node.mark, "'match' has to be " + wanted + " address with a path",
                "write rtmp://${rtmp}/live/{name}");
        return captures;
    }
    if (shape.find('\2') < slash)
        problem(node.mark, "a capture stands in the address", "captures stand in the path only");
    if (shape.find('?') != shape.npos)
        problem(node.mark, "'match' has a query", "leave it out: it is never part of a name");
    for (size_t i = slash; i != shape.npos; i = shape.find('/', i + 1)) {
        const size_t end = std::min(shape.find('/', i + 1), shape.size());
        if (std::count(shape.begin() + ptrdiff_t(i), shape.begin() + ptrdiff_t(end), '\2') > 1)
            problem(node.mark, "two captures stand in one segment",
                    "put a slash between them: /{room}/{name}");
    }
    return captures;
}

void Loader::load_restart(const Node::Entry &entry) {
    static const std::vector<std::string> policies = {"never", "on-failure", "always"};
    const auto read_policy = [&](const Node &node) {
        const auto found = std::find(policies.begin(), policies.end(), node.text);
        if (!node.is_scalar() || found == policies.end())
            problem(node.mark, "'" + node.text + "' is no restart policy",
                    did_you_mean(node.text, policies, "take one of " + enumerate(policies)));
        else
            out_.restart.policy = static_cast<Restart::Policy>(found - policies.begin());
    };
    if (entry.value.is_scalar()) return read_policy(entry.value);
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "'restart' has to hold a policy", "write `restart: on-failure`");
        return;
    }
    for (const Node::Entry &key : known_entries(entry.value, Place::restart, " of restart")) {
        if (key.key == "policy") {
            read_policy(key.value);
        } else if (key.key == "delay" || key.key == "max-delay") {
            const auto delay = parse_duration(read_text(key));
            if (!delay || *delay < 1'000'000)
                problem(key.value.mark, "'" + key.key + "' has to be a duration of 1ms or more",
                        "write a number and its unit, such as 500ms or 2s");
            else
                (key.key == "delay" ? out_.restart.delay : out_.restart.max_delay) = *delay;
        }
    }
}

/// Launch text, or a list of fragments: text, or `when` and `launch`.
std::optional<PipelineText> Loader::load_pipeline(const std::string &name, const Node &node,
                                                  const std::vector<std::string> &captures) {
    PipelineText pipeline{.name = name, .mark = node.mark_at(0)};
    if (node.is_scalar()) {
        pipeline.fragments.push_back(*load_fragment(node, Extent::whole, captures));
        return pipeline;
    }
    if (!node.is_sequence() || node.items.empty()) {
        problem(node.mark, "a pipeline has to be launch text", "write `pipeline: |` and it below");
        return std::nullopt;
    }
    for (const Node &item : node.items) {
        const Node *text = &item;
        const Node::Entry *when = nullptr, *hint = nullptr;
        std::vector<Node::Entry> entries;
        if (item.is_map()) {
            text = nullptr;
            entries = known_entries(item, Place::fragment, " of a fragment");
            for (const Node::Entry &key : entries) {
                if (key.key == "launch")
                    text = &key.value;
                else if (key.key == "when")
                    when = &key;
                else if (key.key == "hint")
                    hint = &key;
            }
        }
        if (!text || !text->is_scalar()) {
            problem(item.mark, "a fragment has to be launch text",
                    "write `- when: ${name} == value` and below it `launch: |`");
            continue;
        }
        auto fragment = load_fragment(*text, Extent::fragment, captures);
        const size_t before = problems_.size();
        if (when) fragment->when = load_when(*when);
        // It is not known when it is there, so nothing is told of how it fits.
        if (problems_.size() > before) fragment->is_whole = false;
        if (hint) fragment->hint = read_text(*hint);
        pipeline.fragments.push_back(std::move(*fragment));
    }
    return pipeline;
}

std::optional<Fragment> Loader::load_fragment(const Node &node, Extent extent,
                                              const std::vector<std::string> &captures) {
    Fragment fragment{.node = node};
    TextProblems found;
    fragment.launch = parse_launch_text(node.text, found, extent);
    fragment.is_whole = found.empty();
    for (TextProblem &text : found)
        problem(node.mark_at(text.offset), std::move(text.what), std::move(text.mend));
    for (const Item &item : fragment.launch.items) {
        check_pieces(item.pieces, node, out_, captures, problems_);
        for (const Property &property : item.properties)
            check_pieces(property.pieces, node, out_, captures, problems_);
    }
    return fragment;
}

/// `${source} == test and ${audio} != false`
std::vector<Condition> Loader::load_when(const Node::Entry &entry) {
    std::vector<Condition> out;
    const std::string text = read_text(entry);
    const auto wrong = [&](size_t offset, std::string what, std::string mend) {
        problem(entry.value.mark_at(offset), std::move(what), std::move(mend));
    };
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(" and ", begin), text.size());
        std::string_view part = std::string_view(text).substr(begin, end - begin);
        const size_t equal = part.find("=="), different = part.find("!=");
        const size_t at = std::min(equal, different);
        const auto trim = [](std::string_view s) {
            const size_t first = s.find_first_not_of(' ');
            return first == s.npos ? std::string_view()
                                   : s.substr(first, s.find_last_not_of(' ') - first + 1);
        };
        const std::string_view name = at == part.npos ? "" : trim(part.substr(0, at));
        if (at == part.npos || !name.starts_with("${") || !name.ends_with("}")) {
            wrong(begin, "this is no condition", "write ${name} == value or ${name} != value");
        } else {
            Condition condition{std::string(name.substr(2, name.size() - 3)),
                                std::string(trim(part.substr(at + 2))), equal < different};
            const Parameter *parameter = out_.find_parameter(condition.parameter);
            std::string error;
            if (parameter && !parameter->is_known)
                ; // its type is what is wrong
            else if (!parameter && !out_.is_whole)
                ; // it may be further down
            else if (!parameter)
                wrong(begin, "there is no parameter '" + condition.parameter + "'",
                      did_you_mean(condition.parameter, out_.parameter_names(),
                                   "add it under `parameters:`"));
            else if (!parse_value(*parameter, condition.word, &error))
                wrong(begin + at, "'" + condition.parameter + "' can't have this value: " + error,
                      "");
            else
                out.push_back(std::move(condition));
        }
        begin = end + 5;
    }
    return out;
}

std::optional<Template> Loader::load_template(const Node::Entry &entry, bool captures) {
    if (!entry.value.is_scalar()) {
        problem(entry.key_mark, "'" + entry.key + "' has to be text", "write " + entry.key + ": …");
        return std::nullopt;
    }
    Template out{.node = entry.value};
    TextProblems found;
    out.pieces = parse_pieces(entry.value.text, captures, found);
    for (TextProblem &text : found)
        problem(entry.value.mark_at(text.offset), std::move(text.what), std::move(text.mend));
    check_pieces(out.pieces, entry.value, out_, {}, problems_);
    return out;
}

} // namespace

const Parameter *Description::find_parameter(std::string_view parameter) const {
    for (const Parameter &candidate : parameters)
        if (candidate.name == parameter) return &candidate;
    return nullptr;
}

void Description::each_pipeline(const std::function<void(const PipelineText &)> &visit) const {
    for (const PipelineText &pipeline : start)
        visit(pipeline);
    for (const PublishRule &rule : publish)
        visit(rule.pipeline);
    for (const PlayRule &rule : play)
        visit(rule.pipeline);
}

std::vector<std::string> Description::parameter_names() const {
    std::vector<std::string> names;
    for (const Parameter &parameter : parameters)
        names.push_back(parameter.name);
    return names;
}

std::unique_ptr<Description> load_what_is_good(Source source, Problems &problems) {
    auto description = std::make_unique<Description>();
    description->source = std::move(source);
    description->name = std::filesystem::path(description->source.name()).stem().string();
    const auto document = load_yaml(description->source, problems);
    if (!document) return nullptr;
    description->is_whole = document->is_whole;
    Loader(*description, problems).load(document->root);
    return description;
}

std::unique_ptr<Description> load_description(Source source, Problems &problems) {
    const size_t before = problems.size();
    auto description = load_what_is_good(std::move(source), problems);
    return problems.size() == before ? std::move(description) : nullptr;
}

Source read_source(const std::string &path, Problems &problems) {
    std::error_code code;
    if (std::filesystem::is_directory(path, code)) {
        problems.push_back({{}, "this is a directory", "give a file in it"});
        return {path, {}};
    }
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        problems.push_back({{},
                            std::string("can't be read (") + std::strerror(errno) + ")",
                            "check its name and rights"});
        return {path, {}};
    }
    // One byte more than is allowed tells that a file is too large.
    std::string text(max_file_size + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
    return {path, std::move(text)};
}

std::unique_ptr<Description> load_description_file(const std::string &path, Source &source,
                                                   Problems &problems) {
    const size_t before = problems.size();
    source = read_source(path, problems);
    return problems.size() == before ? load_description(source, problems) : nullptr;
}

} // namespace penstock::description
