// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/source.h"

#include <algorithm>
#include <numeric>

namespace penstock::description {
namespace {

/// The number of insertions, deletions, substitutions and swaps of neighbours that turn `a` into
/// `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
    std::iota(previous.begin(), previous.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                current[j] = std::min(current[j], before[j - 2] + 1);
        }
        std::swap(before, previous);
        std::swap(previous, current);
    }
    return previous[b.size()];
}

} // namespace

Source::Source(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
    starts_.push_back(0);
    for (size_t i = 0; i < text_.size(); ++i)
        if (text_[i] == '\n') starts_.push_back(i + 1);
}

std::string_view Source::line(unsigned number) const {
    if (number == 0 || number > starts_.size()) return {};
    const size_t start = starts_[number - 1];
    std::string_view rest = std::string_view(text_).substr(start);
    rest = rest.substr(0, rest.find('\n'));
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    return rest;
}

std::string Source::render(const Problem &problem) const {
    std::string out = name_;
    if (problem.mark.line > 0)
        out += ":" + std::to_string(problem.mark.line) + ":" + std::to_string(problem.mark.column);
    out += ": " + problem.what;
    if (!problem.mend.empty()) out += ": " + problem.mend;
    out += "\n";
    if (problem.mark.line == 0) return out;
    const std::string_view text = line(problem.mark.line);
    if (text.empty()) return out;
    out += "    " + std::string(text) + "\n    ";
    // Tabs are kept, so that the caret is in the terminal column of the character.
    for (size_t i = 0; i + 1 < problem.mark.column && i < text.size(); ++i)
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80)
            out += text[i] == '\t' ? '\t' : ' ';
    return out + "^\n";
}

std::string Source::render(Problems problems) const {
    std::stable_sort(problems.begin(), problems.end(),
                     [](const Problem &a, const Problem &b) { return a.mark < b.mark; });
    std::string out;
    for (const Problem &problem : problems)
        out += render(problem);
    return out;
}

std::string nearest(std::string_view word, const std::vector<std::string> &candidates) {
    std::string best;
    // A single letter is equally close to all candidates.
    if (word.size() < 2 && candidates.size() > 1) return best;
    size_t best_distance = std::max<size_t>(1, std::min<size_t>(3, word.size() / 3)) + 1;
    for (const std::string &candidate : candidates) {
        const size_t longer = std::max(candidate.size(), word.size());
        if (longer > 128 || longer - std::min(candidate.size(), word.size()) >= best_distance)
            continue;
        const size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string> &candidates,
                         std::string otherwise) {
    const std::string best = nearest(word, candidates);
    return best.empty() ? otherwise : "did you mean '" + best + "'?";
}

std::string enumerate(const std::vector<std::string> &words, const char *last) {
    std::string out;
    for (size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? std::string(" ") + last + " " : ", ";
        out += words[i];
    }
    return out;
}

} // namespace penstock::description
