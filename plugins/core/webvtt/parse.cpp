// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads cues of WebVTT text.
#include "core/webvtt/cue.h"

#include <algorithm>
#include <charconv>

namespace penstock::webvtt {
namespace {

constexpr std::string_view arrow = "-->";
constexpr size_t max_cues = 10'000;
constexpr uint64_t longest_time = 100'000; ///< hours

std::string_view take_line(std::string_view &text) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    if (text.starts_with("\r\n"))
        text.remove_prefix(2);
    else if (!text.empty())
        text.remove_prefix(1);
    return line;
}

std::string_view trimmed(std::string_view text) {
    const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string one_line(std::string_view text) {
    return std::string(text.substr(0, longest_line));
}

/// Without the character that no text has, before anything is looked for: what is beside it would
/// come together.
std::string without_nul(std::string_view text) {
    std::string clean(text);
    std::erase(clean, '\0');
    return clean;
}

/// The digits at the beginning.
bool take_number(std::string_view &text, size_t digits, uint64_t &value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto count = static_cast<size_t>(end - text.data());
    if (error != std::errc{} || count < digits || (digits == 3 && count != 3)) return false;
    text.remove_prefix(count);
    return true;
}

/// "01:02.345" or "1234:01:02.345"
bool take_time(std::string_view &text, int64_t &time) {
    uint64_t fields[3] = {};
    size_t count = 0;
    for (; count < 3; ++count) {
        if (count > 0 && !text.starts_with(':')) break;
        if (count > 0) text.remove_prefix(1);
        if (!take_number(text, 2, fields[count])) return false;
    }
    if (count < 2) return false;
    if (count == 2) std::rotate(fields, fields + 2, fields + 3);
    uint64_t ms = 0;
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
    if (!take_number(text, 3, ms) || fields[0] > longest_time || fields[1] > 59 || fields[2] > 59)
        return false;
    time = static_cast<int64_t>((fields[0] * 3600 + fields[1] * 60 + fields[2]) * 1000 + ms) *
           1'000'000;
    return true;
}

bool parse_timing(std::string_view line, Cue &cue) {
    line = trimmed(line);
    if (!take_time(line, cue.begin)) return false;
    line = trimmed(line);
    if (!line.starts_with(arrow)) return false;
    line = trimmed(line.substr(arrow.size()));
    if (!take_time(line, cue.end)) return false;
    if (!line.empty() && line.front() != ' ' && line.front() != '\t') return false;
    cue.settings = trimmed(one_line(line));
    return cue.settings.find(arrow) == cue.settings.npos;
}

/// The lines up to an empty one, or one with a time.
std::string take_text(std::string_view &text) {
    std::string all;
    while (!text.empty()) {
        std::string_view rest = text;
        const std::string_view line = take_line(rest);
        if (line.empty() || line.find(arrow) != line.npos) break;
        text = rest;
        if (all.size() + line.size() >= longest_text) continue;
        if (!all.empty()) all += '\n';
        all += line;
    }
    return all;
}

} // namespace

Result parse(std::string_view given, std::vector<Cue> &cues) {
    const std::string clean = without_nul(given);
    std::string_view text = clean;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::string_view before; // the line before, which may be a cue's identifier
    while (!text.empty() && cues.size() < max_cues) {
        const std::string_view line = take_line(text);
        if (line.find(arrow) == line.npos) {
            before = line;
            continue;
        }
        Cue cue;
        if (!parse_timing(line, cue))
            return Result::error("a cue whose times can't be read: " +
                                 one_line(line).substr(0, 80));
        cue.id = one_line(before);
        before = {};
        cue.text = take_text(text);
        if (!cue.text.empty()) cues.push_back(std::move(cue));
    }
    return Result::ok();
}

Cue parse_block(std::string_view given) {
    const std::string clean = without_nul(given);
    std::string_view block = clean;
    Cue cue;
    cue.id = one_line(take_line(block));
    cue.settings = trimmed(one_line(take_line(block)));
    for (std::string *line : {&cue.id, &cue.settings})
        if (line->find(arrow) != line->npos) line->clear();
    cue.text = take_text(block);
    return cue;
}

} // namespace penstock::webvtt
