// SPDX-License-Identifier: LGPL-2.1-or-later
// A strict little YAML: no anchors, no aliases, no tags, no duplicate keys, bounded in size.
// Every node knows where it stands.
#pragma once

#include "description/source.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::description {

/// No description needs more.
inline constexpr size_t max_file_size = 256 * 1024;

struct Node {
    enum class Kind { null, scalar, sequence, map };
    struct Entry;

    Kind kind = Kind::null;
    Mark mark;
    std::string text;             ///< of a scalar
    std::vector<Node> items;      ///< of a sequence
    std::vector<Entry> entries;   ///< of a map, in the order of the file
    std::vector<Mark> line_marks; ///< where each line of a scalar's text begins, if known

    bool is_scalar() const { return kind == Kind::scalar; }
    bool is_map() const { return kind == Kind::map; }
    bool is_sequence() const { return kind == Kind::sequence; }
    /// The place in the file of the character at `offset` in `text`; `mark` where it is unknown.
    Mark mark_at(size_t offset) const;
};

struct Node::Entry {
    std::string key;
    Mark key_mark;
    Node value;
};

struct Document {
    Node root;
    bool is_whole = true; ///< false: what follows a place that is no YAML is missing
};

/// The file's one document. nullopt if nothing of it can be read; what is wrong otherwise is added
/// to `problems` and the rest is there.
std::optional<Document> load_yaml(const Source &source, Problems &problems);

} // namespace penstock::description
