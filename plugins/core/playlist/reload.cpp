// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/playlist/reload.h"

#include <charconv>
#include <string>

namespace penstock::playlist {
namespace {

constexpr int64_t second = 1'000'000'000;
// A request may be this many segments ahead of the last one listed.
constexpr uint64_t segments_ahead = 2;

bool parse_number(std::string_view text, uint64_t &value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

Result use_number(const char *name, std::string_view text, std::optional<uint64_t> &out) {
    uint64_t value = 0;
    if (out) return Result::error(std::string(name) + " occurs twice");
    if (!parse_number(text, value)) return Result::error(std::string(name) + " is no number");
    out = value;
    return Result::ok();
}

/// The Advance Part Limit.
uint64_t parts_ahead(int64_t part_target) {
    return part_target < second ? static_cast<uint64_t>(3 * second / part_target) : 3;
}

} // namespace

Result parse_directives(std::string_view query, Directives &directives) {
    Directives found;
    bool skip = false;
    while (!query.empty()) {
        const size_t end = query.find('&');
        const std::string_view pair = query.substr(0, end);
        query = end == query.npos ? std::string_view() : query.substr(end + 1);
        const size_t equals = pair.find('=');
        const std::string_view name = pair.substr(0, equals);
        const std::string_view value =
            equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
        Result result = Result::ok();
        if (name == "_HLS_msn")
            result = use_number("_HLS_msn", value, found.sequence);
        else if (name == "_HLS_part")
            result = use_number("_HLS_part", value, found.part);
        else if (name == "_HLS_skip" && std::exchange(skip, true))
            result = Result::error("_HLS_skip occurs twice");
        else if (name == "_HLS_skip")
            found.skip = value == "YES" ? Skip::yes : value == "v2" ? Skip::v2 : Skip::no;
        if (!result.is_ok()) return result;
    }
    if (found.part && !found.sequence) return Result::error("_HLS_part without _HLS_msn");
    directives = found;
    return Result::ok();
}

bool has_come(const Moment &moment, const Edge &edge) {
    if (edge.ended || moment.sequence < edge.next) {
        // A part index past the last part of a segment means the first of the next.
        const bool is_last = edge.next - moment.sequence == 1;
        if (edge.ended || !moment.part || !is_last) return true;
        return *moment.part < edge.last_parts || edge.parts > 0;
    }
    return moment.sequence == edge.next && moment.part && *moment.part < edge.parts;
}

Decision decide(const Directives &directives, const Edge &edge) {
    using Action = Decision::Action;
    if (!directives.sequence || edge.ended) return {};
    Moment moment{*directives.sequence, directives.part};
    if (edge.part_target <= 0) moment.part.reset();
    // Subtractions, because the request may name 2^64 - 1.
    if (moment.sequence >= edge.next) {
        // The last listed segment is the one before `next`.
        const uint64_t ahead = moment.sequence - edge.next;
        if (ahead >= segments_ahead) return {Action::refuse, {}};
        if (moment.part) {
            const uint64_t limit = parts_ahead(edge.part_target);
            const uint64_t first_too_far = ahead == 0 ? edge.parts + limit : limit;
            if (*moment.part >= first_too_far) return {Action::refuse, {}};
        }
    }
    if (has_come(moment, edge)) return {};
    return {Action::wait, moment};
}

} // namespace penstock::playlist
