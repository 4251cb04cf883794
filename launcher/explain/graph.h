// SPDX-License-Identifier: LGPL-2.1-or-later
// What a pipeline does, as explained to people: its elements, what goes from each to the next, and
// what each does to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::explain {

/// What an element does to the stream.
enum class Action {
    source,  ///< makes or brings it in
    copied,  ///< the coded stream stays as it is: muxers, parsers, queues
    raw,     ///< works on pictures or samples
    decoded, ///< by `by`
    encoded, ///< by `by`
    recoded, ///< decoded, and encoded by `by`
    sink,    ///< shows, stores, sends it
    open,    ///< depends on what comes
};
/// "copied", "encoded", …
const char *name_of(Action action);

struct Latency {
    uint64_t nanoseconds = 0;
    bool is_measured = false; ///< else told from what the element is
};

struct GraphNode {
    std::string element; ///< the factory: "x264enc"
    std::string name;    ///< what `name=` says; else empty
    /// The properties that are written out, with their values.
    std::vector<std::pair<std::string, std::string>> properties;
    Action action = Action::copied;
    std::string by;                 ///< "x264enc"; empty: the element itself
    std::optional<Latency> latency; ///< that it adds; none: not known
    std::string note;               ///< "players are some 6 s behind"; may be empty
};

struct GraphLink {
    size_t from = 0, to = 0; ///< indices of nodes
    std::string from_pad, to_pad;
    std::string filter;       ///< the caps that the text asks for; may be empty
    std::string caps;         ///< those that were agreed on; empty if not known
    std::string stream;       ///< "H.264 1280x720 30 fps"; empty if not known
    bool is_expected = false; ///< `stream` is told from what the element can give
    bool is_absent = false;   ///< there is no such stream in what was read
};

struct Graph {
    std::string name;   ///< of the pipeline: "start", "publish"
    std::string launch; ///< for a shell
    std::vector<GraphNode> nodes;
    std::vector<GraphLink> links;
    std::vector<std::string> notes; ///< what could not be found out, and why
    std::string error;              ///< what kept it from being tried; may be empty

    std::vector<size_t> links_from(size_t node) const;
    std::vector<size_t> links_to(size_t node) const;
};

/// "copied", "encoded by x264enc", "depends on what comes"
std::string say_action(const GraphNode &node);
/// "+23 ms", "about +0 ms", "?"
std::string say_latency(const GraphNode &node);
/// "H.264 1280x720 30 fps", "FLV, expected", "?", …
std::string say_stream(const GraphLink &link);
/// "livefilesrc src"
std::string title_of(const GraphNode &node);

/// A drawing in characters, not wider than `width` columns.
std::string draw_text(const Graph &graph, size_t width);
/// The same for Graphviz.
std::string draw_dot(const std::vector<Graph> &graphs, const std::string &title);

} // namespace penstock::explain
