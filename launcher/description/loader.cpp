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

/// Loads launch text, or a list of fragments: text, or maps with `when`, `from` and `launch`.
std::optional<PipelineText> Loader::load_pipeline(const std::string &name, const Node &node,
                                                  const std::vector<std::string> &captures,
                                                  const Publishers *publishers) {
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
        const Node::Entry *when = nullptr, *from = nullptr, *hint = nullptr;
        std::vector<Node::Entry> entries;
        if (item.is_map()) {
            text = nullptr;
            entries = known_entries(item, Place::fragment, " of a fragment");
            for (const Node::Entry &key : entries) {
                if (key.key == "launch")
                    text = &key.value;
                else if (key.key == "when")
                    when = &key;
                else if (key.key == "from")
                    from = &key;
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
        if (from && !load_from(*from, publishers)) continue; // another protocol's
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
