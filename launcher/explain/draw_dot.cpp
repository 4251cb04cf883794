// SPDX-License-Identifier: LGPL-2.1-or-later
// Draws graphs for Graphviz: a cluster per pipeline, a coloured box per element.
#include "explain/graph.h"

#include "core/bytes/markup.h"
#include <algorithm>

namespace penstock::explain {
namespace {

constexpr size_t most_characters = 44;

/// Quotes a string for DOT.
std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string shortened(const std::string &text) {
    if (text.size() <= most_characters) return text;
    size_t end = most_characters - 1;
    while (end > 0 && (text[end] & 0xc0) == 0x80)
        --end;
    return text.substr(0, end) + "…";
}

/// Fill and border colour; black text is legible on them.
std::pair<const char *, const char *> colours_of(Action action) {
    switch (action) {
    case Action::source:
    case Action::sink:
        return {"#e8eef7", "#4a6fa5"};
    case Action::copied:
        return {"#e6f4e6", "#3c8c40"};
    case Action::decoded:
    case Action::raw:
        return {"#fdf6dd", "#b8921b"};
    case Action::encoded:
    case Action::recoded:
        return {"#fce8dc", "#c8581a"};
    case Action::open:
        return {"#f2f2f2", "#777777"};
    }
    return {"#ffffff", "#000000"};
}

std::string label_of(const GraphNode &node) {
    const auto row = [](const std::string &text, const std::string &font) {
        return "<TR><TD ALIGN=\"LEFT\"><FONT " + font + ">" + text + "</FONT></TD></TR>";
    };
    std::string out = "<<TABLE BORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"1\">";
    out += row("<B>" + escape_markup(node.element) + "</B>", "POINT-SIZE=\"12\"");
    if (!node.name.empty())
        out += row("<I>" + escape_markup(node.name) + "</I>", "POINT-SIZE=\"10\"");
    for (const auto &[name, value] : node.properties)
        out +=
            row(escape_markup(shortened(name + "=" + value)), "POINT-SIZE=\"9\" COLOR=\"#444444\"");
    std::string last = say_action(node);
    if (const std::string latency = say_latency(node); !latency.empty())
        last += " · " + (latency == "?" ? "latency not known" : latency);
    out += row(escape_markup(last),
               "POINT-SIZE=\"9\" COLOR=\"" + std::string(colours_of(node.action).second) + "\"");
    if (!node.note.empty()) out += row(escape_markup(node.note), "POINT-SIZE=\"9\"");
    return out + "</TABLE>>";
}

std::string label_of(const GraphLink &link) {
    std::string out;
    if (!link.from_pad.empty() && link.from_pad != "src") out = " " + link.from_pad + " \n";
    // Padding, because renderers measure text differently.
    return out + " " + shortened(say_stream(link)) + "  ";
}

/// The number of elements on the longest path.
size_t depth_of(const Graph &graph) {
    std::vector<size_t> depth(graph.nodes.size(), 1);
    size_t most = 1;
    for (size_t round = 0; round < graph.nodes.size(); ++round)
        for (const GraphLink &link : graph.links) {
            if (depth[link.to] > depth[link.from] || depth[link.from] >= graph.nodes.size())
                continue;
            depth[link.to] = depth[link.from] + 1;
            most = std::max(most, depth[link.to]);
        }
    return most;
}

} // namespace

std::string draw_dot(const std::vector<Graph> &graphs, const std::string &title) {
    std::string out = "digraph " + quoted(title) + " {\n";
    // Up to six boxes in a row are readable on a screen; longer graphs are drawn vertically.
    const bool is_long = std::any_of(graphs.begin(), graphs.end(),
                                     [](const Graph &graph) { return depth_of(graph) > 6; });
    out += std::string("  graph [rankdir=") + (is_long ? "TB" : "LR") +
           ", ranksep=" + (is_long ? "0.35" : "0.7") +
           ", fontname=\"sans-serif\", fontsize=12, nodesep=0.3, "
           "label=" +
           quoted(title) + ", labelloc=t];\n";
    out += "  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", "
           "margin=\"0.12,0.08\"];\n";
    out += "  edge [fontname=\"sans-serif\", fontsize=9, color=\"#555555\", arrowsize=0.7];\n";
    for (size_t g = 0; g < graphs.size(); ++g) {
        const Graph &graph = graphs[g];
        const auto id = [&](size_t node) {
            return "p" + std::to_string(g) + "n" + std::to_string(node);
        };
        out += "  subgraph cluster_" + std::to_string(g) + " {\n    label=" + quoted(graph.name) +
               "; color=\"#bbbbbb\"; style=rounded; fontsize=11;\n";
        for (size_t i = 0; i < graph.nodes.size(); ++i) {
            const auto [fill, border] = colours_of(graph.nodes[i].action);
            out += "    " + id(i) + " [label=" + label_of(graph.nodes[i]) + ", fillcolor=\"" +
                   fill + "\", color=\"" + border + "\"];\n";
        }
        for (const GraphLink &link : graph.links)
            out += "    " + id(link.from) + " -> " + id(link.to) +
                   " [label=" + quoted(label_of(link)) + (link.is_absent ? ", style=dashed" : "") +
                   "];\n";
        out += "  }\n";
    }
    return out + "}\n";
}

} // namespace penstock::explain
