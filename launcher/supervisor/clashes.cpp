// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/clashes.h"

#include "supervisor/endpoints.h"

#include <map>

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
            if (!take("publish ", rule.match, rule.captures)) return false;
        for (const auto &rule : binding->description().play)
            for (const auto &match : rule.matches)
                if (!take("play ", match, rule.captures)) return false;
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

} // namespace

bool check_clashes(const Bindings &bindings, std::string *error) {
    return check_paths(bindings, error) && check_served(bindings, error);
}

} // namespace penstock::supervisor
