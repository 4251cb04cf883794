// SPDX-License-Identifier: LGPL-2.1-or-later
// The rules of a description, `publish` and `play`: which addresses they take.
#include "description/loader.h"
#include "protocols/table.h"

#include <glib.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace penstock::description {

const protocols::Protocol *protocol_of(const Template &match) {
    std::string text;
    for (const Piece &piece : match.pieces)
        text += piece.placeholder ? "x" : piece.literal;
    return protocols::find_url(text);
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
    if (!pipeline) missing(node.mark, "the publish rule has no 'pipeline'", "add `pipeline: |`");
    std::vector<Template> matches;
    if (match) matches = load_matches(*match, protocols::Use::publish, rule.captures);
    if (!pipeline) return;
    if (matches.empty()) { // its pipeline may have mistakes, too
        load_pipeline("publish", pipeline->value, rule.captures);
        return;
    }
    Publishers publishers;
    for (const Template &each : matches)
        if (const auto *protocol = protocol_of(each)) publishers.all.push_back(protocol->name);
    // Each address has a rule of its own, of those fragments that concern it.
    for (Template &each : matches) {
        const auto *protocol = protocol_of(each);
        publishers.own = protocol ? protocol->name : "";
        auto text = load_pipeline("publish", pipeline->value, rule.captures, &publishers);
        if (!text) return;
        PublishRule one = rule;
        one.match = std::move(each);
        one.pipeline = std::move(*text);
        // OBS sends its tracks as FLV.
        if (matches.size() > 1 && (!protocol || g_strcmp0(protocol->ffmpeg_format, "flv") != 0))
            one.multitrack.reset();
        out_.publish.push_back(std::move(one));
    }
}

/// Whether a fragment with this `from` belongs to the rule's own protocol.
bool Loader::load_from(const Node::Entry &entry, const Publishers *publishers) {
    const std::string wanted = read_text(entry);
    if (!publishers) {
        problem(entry.key_mark, "'from' belongs to publish rules", "leave it out");
        return true;
    }
    const auto &all = publishers->all;
    if (std::find(all.begin(), all.end(), wanted) == all.end())
        problem(entry.value.mark, "no 'match' of this rule is of the protocol '" + wanted + "'",
                did_you_mean(wanted, all, "write one of " + enumerate(all)));
    return publishers->own == wanted;
}

/// Loads the addresses of a `match`, one or a list, which all capture the same names.
std::vector<Template> Loader::load_matches(const Node::Entry &entry, protocols::Use use,
                                           std::vector<std::string> &captures) {
    std::vector<Template> out;
    const auto add = [&](const Node::Entry &each) {
        auto text = load_template(each, true);
        if (!text) return;
        auto names = check_match(*text, use);
        if (!out.empty() &&
            std::set(names.begin(), names.end()) != std::set(captures.begin(), captures.end()))
            problem(each.value.mark, "this match captures other names than the first",
                    "every match of a rule stands for the same stream: use the same captures");
        if (out.empty()) captures = std::move(names);
        out.push_back(std::move(*text));
    };
    if (!entry.value.is_sequence()) {
        add(entry);
        return out;
    }
    if (entry.value.items.empty())
        problem(entry.key_mark, "'match' is empty", "write addresses, or one");
    for (const Node &item : entry.value.items)
        add({entry.key, entry.key_mark, item});
    return out;
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
    if (!match)
        missing(node.mark, "the play rule has no 'match'",
                "add `match: " + protocols::example_match(protocols::Use::play) + "`");
    else
        rule.matches = load_matches(*match, protocols::Use::play, rule.captures);
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

} // namespace penstock::description
