// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/loader.h"

#include "core/net/loop/address.h"
#include "description/placeholders.h"
#include "protocols/table.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace penstock::description {

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && name[0] >= 'a' && name[0] <= 'z' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == name.npos;
}

/// The entries with known keys. A misspelt key is taken as the one it resembles, unless that is
/// present too, so that one mistake causes only one problem.
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
    // Parameters come first, wherever they stand, because everything else refers to them.
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
        } else if (entry.key == "authorize") {
            out_.authorize = load_authorize(entry, Peers::all);
        } else if (entry.key == "notify") {
            out_.notify = load_notify(entry);
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

/// Loads a duration or a single placeholder for one.
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
        } else if (entry.key == "authorize") {
            rule.authorize = load_authorize(entry, Peers::publishers);
        } else if (entry.key == "notify") {
            rule.notify = load_notify(entry);
        } else if (entry.key == "multitrack") {
            rule.multitrack = load_multitrack(entry);
        }
    }
    if (!match)
        missing(node.mark, "the publish rule has no 'match'",
                "add `match: " + protocols::example_match(protocols::Use::publish) + "`");
    else if (auto text = load_template(*match, true)) {
        rule.match = std::move(*text);
        rule.captures = check_match(rule.match, protocols::Use::publish);
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
        else if (entry.key == "authorize")
            rule.authorize = load_authorize(entry, Peers::viewers);
        else if (entry.key == "notify")
            rule.notify = load_notify(entry);
    }
    const auto add_match = [&](const Node::Entry &entry) {
        auto text = load_template(entry, true);
        if (!text) return;
        auto captures = check_match(*text, protocols::Use::play);
        if (!rule.matches.empty() && std::set(captures.begin(), captures.end()) !=
                                         std::set(rule.captures.begin(), rule.captures.end()))
            problem(entry.value.mark, "this match captures other names than the first",
                    "every match of a rule stands for the same stream: use the same captures");
        if (rule.matches.empty()) rule.captures = std::move(captures);
        rule.matches.push_back(std::move(*text));
    };
    if (!match) {
        missing(node.mark, "the play rule has no 'match'",
                "add `match: " + protocols::example_match(protocols::Use::play) + "`");
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

/// Checks SCHEME://ADDRESS/segments with at most one capture per segment, and returns the captures.
std::vector<std::string> Loader::check_match(const Template &match, protocols::Use use) {
    const std::vector<std::string> schemes = protocols::match_prefixes(use);
    const Node &node = match.node;
    std::vector<std::string> captures;
    std::string shape; // \1 for a placeholder, \2 for a capture
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
                "write " + protocols::example_match(protocols::Use::publish));
        return captures;
    }
    if (std::string reason = protocols::misfit_of_match(shape, use); !reason.empty())
        problem(node.mark, std::move(reason),
                "write " + protocols::example_match(use, scheme->substr(0, scheme->find(':'))));
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

/// Loads launch text, or a list of fragments: text, or maps with `when` and `launch`.
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
        // Its condition is invalid, so how it fits into the pipeline is not checked.
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
    std::vector<std::string> names = captures;
    if (!out_.find_parameter("time")) names.emplace_back("time");
    for (const Item &item : fragment.launch.items) {
        check_pieces(item.pieces, node, out_, names, problems_);
        for (const Property &property : item.properties)
            check_pieces(property.pieces, node, out_, names, problems_);
    }
    return fragment;
}

/// Parses `${source} == test and ${audio} != false`.
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
                ; // its invalid type has been reported
            else if (!parameter && !out_.is_whole)
                ; // the missing end of the file may define it
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

} // namespace penstock::description
