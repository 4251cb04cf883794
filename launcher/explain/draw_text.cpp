// SPDX-License-Identifier: LGPL-2.1-or-later
// Draws a graph in characters: a tree that grows downwards. Branches end where they join; the
// element where they do begins a tree of its own.
#include "explain/graph.h"

#include <algorithm>
#include <utility>

namespace penstock::explain {
namespace {

size_t columns_of(const std::string &text) {
    return static_cast<size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string cut(const std::string &text, size_t width) {
    if (columns_of(text) <= width) return text;
    std::string out;
    size_t used = 0;
    for (const char c : text) {
        if ((c & 0xc0) != 0x80 && ++used >= width) break;
        out += c;
    }
    return out + "…";
}

std::string padded(std::string text, size_t width) {
    const size_t used = columns_of(text);
    return used < width ? text + std::string(width - used, ' ') : text;
}

class Drawing {
public:
    Drawing(const Graph &graph, size_t width) : graph_(graph), width_(width) {
        for (const GraphNode &node : graph.nodes) {
            actions_ = std::max(actions_, columns_of(say_action(node)));
            latencies_ = std::max(latencies_, columns_of(say_latency(node)));
        }
        // The columns on the left take precedence.
        actions_ = std::min<size_t>(actions_, width_ / 3);
    }
    std::string run();

private:
    void line(const std::string &text) {
        std::string out = text;
        while (out.ends_with(' '))
            out.pop_back();
        out_ += out + "\n";
    }
    bool begins_tree(size_t node) const { return graph_.links_to(node).size() != 1; }
    void draw_tree(size_t node, const std::string &prefix);
    void draw_node(size_t node, const std::string &prefix);
    void draw_properties(const GraphNode &node, const std::string &prefix);

    const Graph &graph_;
    const size_t width_;
    size_t actions_ = 0, latencies_ = 0;
    std::vector<bool> drawn_;
    std::string out_;
};

void Drawing::draw_node(size_t index, const std::string &prefix) {
    const GraphNode &node = graph_.nodes[index];
    std::string pads;
    const auto inputs = graph_.links_to(index);
    if (inputs.size() > 1) {
        for (const size_t input : inputs)
            if (!graph_.links[input].to_pad.empty())
                pads += (pads.empty() ? "  ◀ " : ", ") + graph_.links[input].to_pad;
    }
    const size_t right = actions_ + 2 + latencies_;
    const size_t left = width_ > right + 2 ? width_ - right - 2 : width_;
    const std::string text = cut(prefix + "● " + title_of(node) + pads, left);
    const std::string latency = say_latency(node);
    line(padded(text, left) + "  " + padded(cut(say_action(node), actions_), actions_ + 2) +
         std::string(latencies_ - std::min(latencies_, columns_of(latency)), ' ') + latency);
}

/// As many per line as fit.
void Drawing::draw_properties(const GraphNode &node, const std::string &prefix) {
    std::string row;
    for (const auto &[name, value] : node.properties) {
        const std::string word = name + "=" + value;
        if (!row.empty() && columns_of(prefix + row) + 2 + columns_of(word) > width_)
            line(cut(prefix + std::exchange(row, ""), width_));
        row += (row.empty() ? "" : "  ") + word;
    }
    if (!row.empty()) line(cut(prefix + row, width_));
}

void Drawing::draw_tree(size_t index, const std::string &prefix) {
    drawn_[index] = true;
    draw_node(index, prefix);
    const GraphNode &node = graph_.nodes[index];
    const auto links = graph_.links_from(index);
    const std::string down = prefix + (links.empty() ? "  " : "│ ");
    draw_properties(node, down + "  ");
    if (!node.note.empty()) line(cut(down + "  (" + node.note + ")", width_));
    for (size_t i = 0; i < links.size(); ++i) {
        const GraphLink &link = graph_.links[links[i]];
        const bool last = i + 1 == links.size(), only = links.size() == 1;
        const bool meets = begins_tree(link.to) || drawn_[link.to];
        const std::string target =
            "▶ " + title_of(graph_.nodes[link.to]) + (link.to_pad.empty() ? "" : "." + link.to_pad);
        if (only) {
            line(cut(prefix + "│ " + say_stream(link), width_));
            if (meets)
                line(cut(prefix + "╰─" + target, width_));
            else
                draw_tree(link.to, prefix);
            continue;
        }
        const std::string pad = link.from_pad.empty() ? "" : link.from_pad + ": ";
        const std::string branch = prefix + (last ? "╰─ " : "├─ ");
        line(cut(branch + pad + say_stream(link), width_));
        const std::string below = prefix + (last ? "   " : "│  ");
        if (meets)
            line(cut(below + "╰─" + target, width_));
        else
            draw_tree(link.to, below);
    }
}

std::string Drawing::run() {
    drawn_.assign(graph_.nodes.size(), false);
    // An element that joins branches is drawn after all its inputs.
    const auto is_ready = [&](size_t node) {
        const auto inputs = graph_.links_to(node);
        return std::all_of(inputs.begin(), inputs.end(),
                           [&](size_t link) { return drawn_[graph_.links[link].from]; });
    };
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < graph_.nodes.size(); ++i) {
            if (drawn_[i] || !begins_tree(i) || !is_ready(i)) continue;
            if (!out_.empty()) out_ += "\n";
            draw_tree(i, "");
            more = true;
            break;
        }
    }
    for (size_t i = 0; i < graph_.nodes.size(); ++i)
        if (!drawn_[i]) draw_tree(i, ""); // a cycle
    return std::move(out_);
}

} // namespace

std::string draw_text(const Graph &graph, size_t width) {
    return Drawing(graph, std::max<size_t>(width, 40)).run();
}

} // namespace penstock::explain
