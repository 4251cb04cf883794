// SPDX-License-Identifier: LGPL-2.1-or-later
// A strict subset of YAML: no tags, no duplicate keys, anchors of texts only, and bounded size.
// Every node has its location; a text that an alias repeats has that of its anchor.
#pragma once

#include "description/source.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::description {

/// Limit of a description's size in bytes.
inline constexpr size_t max_file_size = 256 * 1024;

struct Node {
    enum class Kind { null, scalar, sequence, map };
    struct Entry;

    Kind kind = Kind::null;
    Mark mark;
    std::string text;             ///< for scalars
    std::vector<Node> items;      ///< for sequences
    std::vector<Entry> entries;   ///< for maps, in file order
    std::vector<Mark> line_marks; ///< location of each line of a scalar's text, if known

    bool is_scalar() const { return kind == Kind::scalar; }
    bool is_map() const { return kind == Kind::map; }
    bool is_sequence() const { return kind == Kind::sequence; }
    /// The location in the file of the character at `offset` in `text`; `mark` if it is unknown.
    Mark mark_at(size_t offset) const;
};

struct Node::Entry {
    std::string key;
    Mark key_mark;
    Node value;
};

struct Document {
    Node root;
    bool is_whole = true; ///< false: the end is missing because it is not valid YAML
};

/// Parses a file with a single document. Adds problems to `problems` and returns the valid part, or
/// nullopt if there is none.
std::optional<Document> load_yaml(const Source &source, Problems &problems);

} // namespace penstock::description
