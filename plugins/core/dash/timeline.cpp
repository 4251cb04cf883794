// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/dash/timeline.h"

#include <algorithm>
#include <cstdlib>

namespace penstock::dash {
namespace {

constexpr int64_t second = 1'000'000'000;
constexpr int64_t millisecond = 1'000'000;
// A rendition of which so many segments have not come has stopped.
constexpr uint64_t away = 2;

} // namespace

int64_t to_ticks(int64_t nanoseconds) {
    // In two steps, so that centuries fit.
    const int64_t time = std::max<int64_t>(nanoseconds, 0);
    return time / second * timescale + (time % second * timescale + second / 2) / second;
}

/// The number of the rendition's last segment.
uint64_t Timeline::seen(const std::string &rendition) const {
    const auto found = std::find_if(seen_.begin(), seen_.end(),
                                    [&](const auto &one) { return one.first == rendition; });
    return found == seen_.end() ? 0 : found->second;
}

/// Whether the segment begins too far from where its number says.
bool Timeline::is_off(const Period &period, const Piece &piece, int64_t tolerance) {
    if (period.is_list || period.duration == 0) return false;
    const auto index = static_cast<int64_t>(piece.number - period.first);
    return std::abs(piece.begin - period.begin - index * period.duration) > tolerance;
}

bool Timeline::has_drifted(const Period &period, const Piece &piece, int64_t drift) {
    if (!period.date || !piece.date) return false;
    const int64_t passed = (*piece.date - *period.date) * millisecond;
    return std::abs(passed - (piece.begin - period.begin)) > drift;
}

/// Whether a segment with a new number goes on where the last one ends.
bool Timeline::continues(const Piece &piece) const {
    if (periods_.empty() || interrupted_ || piece.discontinuity) return false;
    const Period &period = periods_.back();
    return piece.number == period.last + 1 && piece.begin > period.segments.back().begin &&
           std::abs(piece.begin - period.end) < second &&
           !has_drifted(period, piece, options_.clock_drift);
}

void Timeline::begin_period(const Piece &piece, bool continuous) {
    Period period;
    period.id = next_id_++;
    period.first = period.last = piece.number;
    period.begin = period.end = piece.begin;
    period.date = piece.date;
    period.is_list = !options_.has_parts;
    if (!available_since_) available_since_ = piece.date.value_or(0);
    if (!periods_.empty()) {
        const Period &before = periods_.back();
        const int64_t next = before.start + (before.end - before.begin);
        // Renditions of the last Period that have not stopped are expected in this one.
        for (const Member &member : before.members) {
            if (seen(member.rendition) + away >= piece.number)
                period.expected.push_back(member.rendition);
        }
        const uint64_t run = piece.number - before.first;
        if (continuous) {
            period.start = before.start + (piece.begin - before.begin);
            period.continues = before.id;
            const bool was_off = is_off(before, piece, options_.tolerance);
            period.is_list =
                period.is_list || before.is_list || (was_off && run < options_.least_run);
            // The mean is more exact than one segment, whose times are rounded.
            if (run > 0) period.duration = (piece.begin - before.begin) / static_cast<int64_t>(run);
            period.is_guess = false;
        } else if (piece.date) {
            // If the clocks have come apart, the last Period may be cut short.
            period.start = std::max((*piece.date - *available_since_) * millisecond,
                                    before.start + millisecond);
        } else {
            period.start = next;
        }
    }
    periods_.push_back(std::move(period));
    interrupted_ = cut_soon_ = false;
}

void Timeline::join(Period &period, const Piece &piece) {
    const auto is_it = [&](const Member &member) { return member.rendition == piece.rendition; };
    const auto member = std::find_if(period.members.begin(), period.members.end(), is_it);
    if (member == period.members.end()) {
        // The first segment of a Period is there in all of its renditions.
        if (piece.number == period.first)
            period.members.push_back(
                {piece.rendition, piece.init, piece.codecs, piece.width, piece.height});
        else
            cut_soon_ = true;
    } else if (member->init != piece.init) {
        cut_soon_ = true;
    }
}

void Timeline::add(const Piece &piece) {
    const bool is_new = periods_.empty() || piece.number > periods_.back().last;
    if (is_new) {
        const bool is_next = continues(piece);
        if (is_next) {
            // The segment before ends where this one begins.
            Period &before = periods_.back();
            Segment &last = before.segments.back();
            last.end = before.end = piece.begin;
            last.is_complete = true;
            longest_ = std::max(longest_, last.end - last.begin);
        }
        if (!is_next || cut_soon_ || is_off(periods_.back(), piece, options_.tolerance))
            begin_period(piece, is_next);
        Period &period = periods_.back();
        period.last = piece.number;
        period.segments.push_back({piece.number, piece.begin, piece.begin, false});
    }
    // A piece of the Period before may come after this one has begun in another rendition.
    const auto found = std::find_if(periods_.rbegin(), periods_.rend(), [&](const Period &period) {
        return piece.number >= period.first && piece.number <= period.last;
    });
    const auto seen = std::find_if(seen_.begin(), seen_.end(),
                                   [&](const auto &one) { return one.first == piece.rendition; });
    if (seen == seen_.end())
        seen_.emplace_back(piece.rendition, piece.number);
    else
        seen->second = std::max(seen->second, piece.number);
    if (found == periods_.rend()) return;
    Period &period = *found;
    join(period, piece);
    period.independent = period.independent && piece.independent;
    const auto span = std::find_if(period.segments.rbegin(), period.segments.rend(),
                                   [&](const Segment &one) { return one.number == piece.number; });
    if (span == period.segments.rend()) return;
    // The first to be complete says where it ends: others may differ by a frame of audio.
    if (!span->is_complete) span->end = std::max(span->end, piece.end);
    span->is_complete = span->is_complete || piece.is_complete;
    period.end = std::max(period.end, span->end);
    longest_ = std::max(longest_, span->end - span->begin);
    if (piece.is_complete && period.is_guess && piece.number == period.first) {
        period.duration = span->end - span->begin;
        period.is_guess = false;
    }
}

void Timeline::remove_before(uint64_t number) {
    while (periods_.size() > 1 && periods_.front().last < number)
        periods_.pop_front();
    for (Period &period : periods_)
        while (period.segments.size() > 1 && period.segments.front().number < number)
            period.segments.pop_front();
}

bool Timeline::is_ready(const Period &period) const {
    if (period.members.empty() || period.duration <= 0) return false;
    // Renditions that have not come by the second segment are not waited for.
    if (period.last > period.first) return true;
    return std::all_of(period.expected.begin(), period.expected.end(), [&](const auto &name) {
        return std::any_of(period.members.begin(), period.members.end(),
                           [&](const Member &member) { return member.rendition == name; });
    });
}

int64_t Timeline::usual() const {
    return periods_.empty() ? 0 : periods_.back().duration;
}

std::vector<Span> Timeline::list(const Period &period) const {
    std::vector<Span> spans;
    // A segment that some rendition lacks yet is not listed, unless requests for it may wait.
    uint64_t common = period.last;
    for (const Member &member : period.members)
        if (const uint64_t number = seen(member.rendition); number + away >= period.last)
            common = std::min(common, number);
    for (const Segment &one : period.segments) {
        int64_t end = one.end;
        if (!options_.has_parts && (!one.is_complete || one.number > common)) break;
        if (!one.is_complete) {
            // It will probably be as long as others.
            end = std::max(one.end, one.begin + period.duration);
        }
        const int64_t time = to_ticks(one.begin);
        const int64_t duration = std::max<int64_t>(to_ticks(end) - time, 1);
        if (!spans.empty() && spans.back().duration == duration)
            ++spans.back().count;
        else
            spans.push_back({time, duration, 1});
    }
    return spans;
}

std::vector<Timeline::Shown> Timeline::shown(bool ended) const {
    std::vector<Shown> out;
    int64_t length = 0; // of the last one
    for (const Period &period : periods_) {
        // Of those that can't be shown some never will be: a gap may end the first segment early.
        if (!is_ready(period)) continue;
        Shown one;
        one.id = period.id;
        one.start = period.start;
        if (!out.empty() && period.continues == out.back().id) one.continues = period.continues;
        one.date = period.date;
        one.independent = period.independent;
        one.members = period.members;
        one.addressing.offset = to_ticks(period.begin);
        if (period.is_list) {
            one.addressing.timeline = list(period);
            if (one.addressing.timeline.empty()) continue;
            one.addressing.start_number = period.segments.front().number;
        } else {
            one.addressing.duration = std::max<int64_t>(to_ticks(period.duration), 1);
            one.addressing.start_number = period.first;
        }
        if (!out.empty()) out.back().duration = std::min(length, one.start - out.back().start);
        length = period.end - period.begin;
        out.push_back(std::move(one));
    }
    if (ended && !out.empty()) out.back().duration = length;
    return out;
}

} // namespace penstock::dash
