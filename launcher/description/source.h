// SPDX-License-Identifier: LGPL-2.1-or-later
// A description's text and what is wrong with it, said so that a person can mend it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::description {

/// A place in a file. Both count from 1; 0 is "the file as a whole".
struct Mark {
    unsigned line = 0;
    unsigned column = 0;
    bool operator==(const Mark &) const = default;
    auto operator<=>(const Mark &) const = default;
};

/// One mistake: what is wrong, and how to mend it (may be empty).
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
    /// The line without its end; empty beyond the end. Counts from 1.
    std::string_view line(unsigned number) const;
    /// `file:line:column: what is wrong: how to mend it`, the line and a caret; ends in a newline.
    std::string render(const Problem &problem) const;
    /// All of them in the order of the file.
    std::string render(Problems problems) const;

private:
    std::string name_;
    std::string text_;
    std::vector<size_t> starts_; ///< where each line begins
};

/// The candidate nearest to `word` by edit distance, if it is near enough to be meant; else empty.
std::string nearest(std::string_view word, const std::vector<std::string> &candidates);
/// "did you mean 'x'?", or `otherwise` if nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string> &candidates,
                         std::string otherwise);
/// "a, b and c", or another word before the last.
std::string enumerate(const std::vector<std::string> &words, const char *last = "and");

} // namespace penstock::description
