// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/request.h"

#include <algorithm>

namespace penstock::authorize {

void name_stream(Request &request, const std::vector<std::string> &suffixes) {
    std::string_view path = request.path;
    size_t cut = 0;
    for (const std::string &suffix : suffixes)
        if (path.size() > suffix.size() && path.ends_with(suffix))
            cut = std::max(cut, suffix.size());
    path.remove_suffix(cut);
    const size_t slash = path.rfind('/');
    request.app = slash == path.npos ? std::string_view() : path.substr(0, slash);
    request.name = slash == path.npos ? path : path.substr(slash + 1);
}

std::string_view parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), part.size() + 1));
        const size_t equal = part.find('=');
        if (equal != part.npos && part.substr(0, equal) == name) return part.substr(equal + 1);
    }
    return {};
}

bool matches(std::string_view pattern, std::string_view path) {
    // Remembers only the last star of each kind: `**` may match more where `*` can't.
    struct Star {
        size_t pattern = std::string_view::npos, path = 0;
    } one, any;
    size_t at = 0, in = 0;
    while (in < path.size() || at < pattern.size()) {
        if (pattern.substr(at).starts_with("**")) {
            at += 2;
            any = {at, in};
            one = {};
            continue;
        }
        if (at < pattern.size() && pattern[at] == '*') {
            one = {++at, in};
            continue;
        }
        if (at < pattern.size() && in < path.size() && pattern[at] == path[in]) {
            ++at;
            ++in;
            continue;
        }
        if (one.pattern != pattern.npos && one.path < path.size() && path[one.path] != '/') {
            at = one.pattern;
            in = ++one.path;
            continue;
        }
        one = {};
        if (any.pattern == pattern.npos || any.path >= path.size()) return false;
        at = any.pattern;
        in = ++any.path;
    }
    return true;
}

} // namespace penstock::authorize
