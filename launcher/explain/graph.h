// SPDX-License-Identifier: LGPL-2.1-or-later
// A graph of a pipeline for display: its elements, the streams between them, and what each element
// does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::explain {

/// An element's effect on the stream.
enum class Action {
    source,  ///< generates it or brings it in
    copied,  ///< leaves the encoded stream unchanged: muxers, parsers, queues
    raw,     ///< processes raw video or audio
    decoded, ///< decoded by `by`
    encoded, ///< encoded by `by`
    recoded, ///< decoded, then encoded by `by`
    sink,    ///< displays, stores or sends it
    open,    ///< depends on the input
};
/// "copied", "encoded", …
const char *name_of(Action action);

struct Latency {
    uint64_t nanoseconds = 0;
    bool is_measured = false; ///< else estimated from the element's type
};

struct GraphNode {
    std::string element; ///< the factory: "x264enc"
    std::string name;    ///< value of `name=`; empty if absent
    /// The properties in the text with their values.
    std::vector<std::pair<std::string, std::string>> properties;
    Action action = Action::copied;
    std::string by;                 ///< name of the encoder or decoder; empty: the element itself
    std::optional<Latency> latency; ///< that it adds; nullopt: unknown
    std::string note;               ///< remark such as "players lag about 6 s behind"; may be empty
};

struct GraphLink {
    size_t from = 0, to = 0; ///< indices of nodes
    std::string from_pad, to_pad;
    std::string filter;       ///< caps filter in the text; may be empty
    std::string caps;         ///< negotiated caps; empty if unknown
    std::string stream;       ///< "H.264 1280x720 30 fps"; empty if unknown
    bool is_expected = false; ///< `stream` is inferred from the element's templates
    bool is_absent = false;   ///< the input contains no such stream
};

struct Graph {
    std::string name;   ///< pipeline name: "start", "publish"
    std::string launch; ///< shell command
    std::vector<GraphNode> nodes;
    std::vector<GraphLink> links;
    std::vector<std::string> notes; ///< what could not be determined, and why
    std::string error;              ///< why the trial failed; may be empty

    std::vector<size_t> links_from(size_t node) const;
    std::vector<size_t> links_to(size_t node) const;
};

/// "copied", "encoded by x264enc", "depends on what comes".
std::string say_action(const GraphNode &node);
/// "+23 ms", "about +0 ms", "?"
std::string say_latency(const GraphNode &node);
/// "H.264 1280x720 30 fps", "FLV, expected", "?", …
std::string say_stream(const GraphLink &link);
/// "livefilesrc src"
std::string title_of(const GraphNode &node);

/// A drawing in characters, up to `width` columns wide.
std::string draw_text(const Graph &graph, size_t width);
/// A drawing in Graphviz's DOT language.
std::string draw_dot(const std::vector<Graph> &graphs, const std::string &title);

} // namespace penstock::explain
