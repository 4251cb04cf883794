// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain/graph.h"

#include <array>
#include <cstdio>

namespace penstock::explain {

const char *name_of(Action action) {
    static constexpr std::array names = {"source",  "copied",  "raw",  "decoded",
                                         "encoded", "recoded", "sink", "open"};
    return names.at(static_cast<size_t>(action));
}

std::vector<size_t> Graph::links_from(size_t node) const {
    std::vector<size_t> out;
    for (size_t i = 0; i < links.size(); ++i)
        if (links[i].from == node) out.push_back(i);
    return out;
}

std::vector<size_t> Graph::links_to(size_t node) const {
    std::vector<size_t> out;
    for (size_t i = 0; i < links.size(); ++i)
        if (links[i].to == node) out.push_back(i);
    return out;
}

std::string say_action(const GraphNode &node) {
    const std::string by = node.by.empty() ? node.element : node.by;
    switch (node.action) {
    case Action::source:
        return "source";
    case Action::copied:
        return "copied";
    case Action::raw:
        return "raw";
    case Action::decoded:
        return "decoded by " + by;
    case Action::encoded:
        return "encoded by " + by;
    case Action::recoded:
        return "re-encoded by " + by;
    case Action::sink:
        return "sink";
    case Action::open:
        return "copied or encoded";
    }
    return {};
}

std::string say_latency(const GraphNode &node) {
    if (node.action == Action::sink) return {};
    if (!node.latency) return "?";
    const double ms = static_cast<double>(node.latency->nanoseconds) / 1e6;
    char text[32];
    std::snprintf(text, sizeof text, ms > 0 && ms < 10 ? "%s%.1f ms" : "%s%.0f ms",
                  node.latency->is_measured ? "" : "~", ms);
    return text;
}

std::string say_stream(const GraphLink &link) {
    if (link.is_absent) return "not in this stream";
    if (!link.stream.empty()) return link.stream + (link.is_expected ? ", expected" : "");
    return link.filter.empty() ? "?" : link.filter;
}

std::string title_of(const GraphNode &node) {
    return node.element + (node.name.empty() ? "" : " " + node.name);
}

} // namespace penstock::explain
