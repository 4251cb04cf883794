// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/clashes.h"

#include "supervisor/endpoints.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace penstock::supervisor {
namespace {

bool check_paths(const Bindings &bindings, std::string *error) {
    std::map<std::string, std::string> taken; // the rule that uses each address and path
    for (const auto &binding : bindings) {
        const std::string &name = binding->description().name;
        const auto take = [&](const char *kind, const description::Template &match,
                              const std::vector<std::string> &captures) {
            const auto pattern = description::PathPattern::make(match, *binding, error);
            if (!pattern) return false;
            description::Captures any;
            for (const std::string &capture : captures)
                any[capture] = "*";
            const std::string address = pattern->scheme() + "://" + pattern->address().to_string() +
                                        "/" + pattern->path_of(any);
            const auto [other, is_first] = taken.emplace(kind + address, name);
            if (is_first) return true;
            *error = (other->second == name ? "two rules of " + name
                                            : "rules of " + other->second + " and " + name) +
                     " take " + address + ": change one `match`, or the address of one";
            return false;
        };
        for (const auto &rule : binding->description().publish)
            if (binding->is_there(rule) && !take("publish ", rule.match, rule.captures))
                return false;
        for (const auto &rule : binding->description().play) {
            if (!binding->is_there(rule)) continue;
            for (const auto &match : rule.matches)
                if (!binding->is_off(match) && !take("play ", match, rule.captures)) return false;
        }
    }
    return true;
}

bool check_served(const Bindings &bindings, std::string *error) {
    std::map<std::string, const description::Binding *> taken; // by address and path
    for (const auto &binding : bindings)
        for (const Endpoint &endpoint : find_endpoints(*binding)) {
            if (endpoint.kind != Endpoint::Kind::play || endpoint.is_on_demand) continue;
            const auto location = pattern_of(endpoint, *binding);
            if (!location) continue;
            const std::string where = location->address.to_string() + "/" + location->path;
            const auto [other, is_first] = taken.emplace(where, binding.get());
            if (is_first || other->second == binding.get()) continue;
            *error = other->second->description().name + " and " + binding->description().name +
                     " both serve " + location->scheme + "://" + where +
                     ": change the path in one of them, or the address of one";
            return false;
        }
    return true;
}

/// The channels that elements of this type name, with `*` in the place of each capture.
std::vector<std::string> channels_of(const description::Binding &binding,
                                     std::string_view element) {
    std::vector<std::string> out;
    binding.description().each_pipeline([&](const description::PipelineText &pipeline) {
        if (!binding.holds(pipeline.when)) return;
        for (const auto &fragment : pipeline.fragments) {
            if (!binding.holds(fragment.when)) continue;
            for (const auto &item : fragment.launch.items) {
                if (item.text != element) continue;
                for (const auto &property : item.properties)
                    if (property.name == "channel")
                        if (auto text = text_of(property.pieces, binding, nullptr, "*"))
                            out.push_back(std::move(*text));
            }
        }
    });
    return out;
}

/// Whether there may be a text that fits both; `*` is any text.
bool may_be_same(std::string_view a, std::string_view b) {
    a = a.substr(0, a.find('*'));
    b = b.substr(0, b.find('*'));
    return a.starts_with(b) || b.starts_with(a);
}

} // namespace

std::vector<std::string> missing_channels(const Bindings &bindings) {
    std::vector<std::string> offered, out;
    for (const auto &binding : bindings)
        for (std::string &channel : channels_of(*binding, "goptee"))
            offered.push_back(std::move(channel));
    for (const auto &binding : bindings) {
        const std::string &name = binding->description().name;
        for (const std::string &channel : channels_of(*binding, "gopsrc")) {
            if (std::any_of(offered.begin(), offered.end(),
                            [&](const std::string &other) { return may_be_same(channel, other); }))
                continue;
            out.push_back(name + ": nothing that runs here offers the channel " + channel +
                          ", from which its streams are made: name the description that does, too, "
                          "as in `penstock run live " +
                          name + "`");
            break;
        }
    }
    return out;
}

bool check_clashes(const Bindings &bindings, std::string *error) {
    return check_paths(bindings, error) && check_served(bindings, error);
}

} // namespace penstock::supervisor
