// SPDX-License-Identifier: LGPL-2.1-or-later
// The text of a description, and problems with it reported with their location.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::description {

/// A location in a file. Line and column count from 1; 0 means the file as a whole.
struct Mark {
    unsigned line = 0;
    unsigned column = 0;
    bool operator==(const Mark &) const = default;
    auto operator<=>(const Mark &) const = default;
};

/// A problem: what is wrong, and how to fix it (may be empty).
struct Problem {
    Mark mark;
    std::string what;
    std::string mend;
};

using Problems = std::vector<Problem>;

/// A file's name and text.
class Source {
public:
    Source() = default;
    Source(std::string name, std::string text);
    const std::string &name() const { return name_; }
    const std::string &text() const { return text_; }
    /// The text of a line without its newline; empty past the end. `number` counts from 1.
    std::string_view line(unsigned number) const;
    /// Formats `file:line:column: what: mend`, followed by the line and a caret; ends in a newline.
    std::string render(const Problem &problem) const;
    /// Formats all problems in file order.
    std::string render(Problems problems) const;

private:
    std::string name_;
    std::string text_;
    std::vector<size_t> starts_; ///< offset of each line
};

/// The candidate closest to `word` by edit distance; empty if none is close.
std::string nearest(std::string_view word, const std::vector<std::string> &candidates);
/// "did you mean 'x'?", or `otherwise` if no candidate is close.
std::string did_you_mean(std::string_view word, const std::vector<std::string> &candidates,
                         std::string otherwise);
/// Joins words as "a, b and c"; `last` replaces "and".
std::string enumerate(const std::vector<std::string> &words, const char *last = "and");

} // namespace penstock::description
