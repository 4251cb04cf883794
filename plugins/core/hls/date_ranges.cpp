// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/date_ranges.h"

#include "core/scte35/section.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t second = 1'000'000'000;
// Commands wait for the first date; the oldest are forgotten.
constexpr size_t max_waiting = 64, max_seen = 64;
// A command that names the same time again, within this, is a repetition; ns.
constexpr int64_t same_time = second / 2;
constexpr size_t longest_text = 256, max_attributes = 16;
// Sums of such times, durations and the date do not overflow; ns.
constexpr int64_t farthest = int64_t(1) << 59;

bool is_far(int64_t time) {
    return time <= -farthest || time >= farthest;
}

int64_t to_ns(uint64_t ticks) {
    return static_cast<int64_t>(ticks) * 100'000 / 9;
}

std::string number(uint64_t value) {
    return std::to_string(value);
}

/// The name of an application's attribute (RFC 8216, 4.3.2.7).
bool is_own_name(std::string_view name) {
    return name.size() > 2 && name.size() <= longest_text && name.starts_with("X-") &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
           });
}

} // namespace

Result DateRanges::add_section(const Bytes &bytes, std::optional<int64_t> time, int64_t now) {
    scte35::Section section;
    const Result result = scte35::parse(bytes, section);
    if (!result.is_ok()) return result;
    // Heartbeats, and what is for the distributor's machines.
    if (section.command == scte35::Command::null ||
        section.command == scte35::Command::bandwidth_reservation)
        return result;
    if (is_far(time.value_or(now))) return Result::error("a splice whose time is out of range");
    const size_t size = 3 + (size_t(bytes[1] & 0x0F) << 8 | bytes[2]);
    Added added;
    added.time = time.value_or(now);
    added.has_time = time.has_value();
    added.section.assign(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    add_splice(section, std::move(added));
    return result;
}

void DateRanges::add_splice(const scte35::Section &section, Added added) {
    if (section.command == scte35::Command::insert) {
        added.key = "splice-" + number(section.event_id);
        added.what = section.is_cancelled ? What::cancel : section.is_out ? What::out : What::in;
        if (section.is_out && section.duration) added.planned = to_ns(*section.duration);
        added.auto_return = section.auto_return && section.is_out;
        return add(std::move(added));
    }
    bool is_splice = false;
    for (const scte35::Segmentation &segmentation : section.segmentations) {
        Added own = added;
        // The types of both ends differ by one.
        const unsigned type = segmentation.is_in() ? segmentation.type - 1u : segmentation.type;
        const std::string event = number(segmentation.event_id);
        if (segmentation.is_cancelled) {
            own.what = What::cancel;
            own.key = "-" + event; // of any type
        } else if (segmentation.is_out() || segmentation.is_in()) {
            own.what = segmentation.is_out() ? What::out : What::in;
            own.key = "segmentation-" + number(type) + "-" + event;
            if (segmentation.is_out() && segmentation.duration)
                own.planned = to_ns(*segmentation.duration);
        } else {
            continue;
        }
        is_splice = true;
        add(std::move(own));
    }
    if (is_splice) return;
    added.what = What::command;
    const uint32_t event =
        section.segmentations.empty() ? 0 : section.segmentations.front().event_id;
    added.key = "command-" + number(event);
    add(std::move(added));
}

Result DateRanges::add_mark(RangeMark mark) {
    if (mark.id.empty() || mark.id.size() > longest_text || mark.class_name.size() > longest_text)
        return Result::error("a date range without an id, or with one that is too long");
    if (mark.attributes.size() > max_attributes)
        return Result::error("a date range with too many attributes");
    for (const auto &[name, value] : mark.attributes)
        if (!is_own_name(name) || value.size() > 4 * longest_text)
            return Result::error("a date range with the attribute " + name.substr(0, longest_text) +
                                 ": names are X- and capitals");
    if (mark.duration.value_or(0) < 0 || mark.planned.value_or(0) < 0)
        return Result::error("a date range of negative duration");
    if (is_far(mark.time) || is_far(mark.duration.value_or(0)) || is_far(mark.planned.value_or(0)))
        return Result::error("a date range whose time or duration is out of range");
    if (!mark.is_end) {
        // Players take tags of the same ID for the same range.
        const auto known = std::find_if(marks_.begin(), marks_.end(),
                                        [&](const Seen &seen) { return seen.name == mark.id; });
        if (known == marks_.end()) {
            if (marks_.size() >= max_seen) marks_.pop_front();
            marks_.push_back({mark.id, mark.time});
        } else if (std::abs(known->time - mark.time) < same_time) {
            return Result::ok();
        } else {
            return Result::error("a date range with the id of an earlier one, " + mark.id);
        }
    }
    Added added;
    added.what = What::mark;
    added.key = "mark-" + mark.id;
    added.time = mark.time;
    added.mark = std::move(mark);
    add(std::move(added));
    return Result::ok();
}

void DateRanges::add(Added added) {
    if (added.what != What::command && added.what != What::cancel) {
        cuts_.push_back(added.time);
        if (added.auto_return && added.planned) cuts_.push_back(added.time + *added.planned);
        if (added.mark.duration) cuts_.push_back(added.time + *added.mark.duration);
    }
    if (cuts_.size() > max_waiting) cuts_.pop_front();
    if (added_.size() >= max_waiting) added_.pop_front();
    added_.push_back(std::move(added));
}

std::optional<int64_t> DateRanges::take_cut() {
    if (cuts_.empty()) return std::nullopt;
    const int64_t time = cuts_.front();
    cuts_.pop_front();
    return time;
}

void DateRanges::resolve(const std::function<std::optional<int64_t>(int64_t)> &date,
                         int64_t position) {
    while (!added_.empty()) {
        const auto at = date(added_.front().time);
        if (!at) break;
        const Added added = std::move(added_.front());
        added_.pop_front();
        apply(added, *at / millisecond, position);
    }
    for (size_t i = 0; i < open_.size();) {
        const Open &range = open_[i];
        const auto at = range.return_at ? date(*range.return_at) : std::nullopt;
        if (at && position >= *range.return_at)
            close(std::string(range.key), *at / millisecond, {});
        else
            ++i;
    }
}

void DateRanges::apply(const Added &added, int64_t date, int64_t position) {
    const auto range = std::find_if(open_.begin(), open_.end(),
                                    [&](const Open &open) { return open.key == added.key; });
    // A command is sent several times before its splice. One without a time may be another.
    if (added.has_time) {
        std::string name = added.key + std::string(added.section.begin(), added.section.end());
        // The time is not always in the bytes: the same ones later are another break.
        const auto is_repetition = [&](const Seen &seen) {
            return seen.name == name && std::abs(seen.time - added.time) < same_time;
        };
        if (std::any_of(seen_.begin(), seen_.end(), is_repetition)) return;
        if (seen_.size() >= max_seen) seen_.pop_front();
        seen_.push_back({std::move(name), added.time});
    }
    switch (added.what) {
    case What::out:
        if (range != open_.end()) {
            const bool is_same = std::abs(range->begin - added.time) < same_time;
            if (!added.has_time || is_same || added.time < range->begin) return;
            close(added.key, date, {});
        }
        open(added, date);
        break;
    case What::in:
        if (range == open_.end()) return;
        close(added.key, date, added.section);
        break;
    case What::command: {
        playlist::DateRange tag;
        tag.id = added.key + "-" + number(static_cast<uint64_t>(date));
        tag.start = date;
        tag.scte35_command = added.section;
        append(std::move(tag));
        break;
    }
    case What::mark:
        if (added.mark.is_end) return close(added.key, date, {});
        if (!has_id(added.mark.id)) open(added, date);
        break;
    case What::cancel: {
        const bool is_any = added.key.starts_with('-');
        std::erase_if(open_, [&](const Open &open) {
            const bool is_meant =
                is_any ? open.key.starts_with("segmentation-") && open.key.ends_with(added.key)
                       : open.key == added.key;
            if (!is_meant || open.begin <= position) return false;
            DateRangeList list = *list_;
            std::erase_if(list, [&](const auto &tag) { return tag.id == open.tag.id; });
            list_ = std::make_shared<const DateRangeList>(std::move(list));
            return true;
        });
        break;
    }
    }
}

void DateRanges::open(const Added &added, int64_t date) {
    Open range;
    range.key = added.key;
    range.begin = added.time;
    playlist::DateRange &tag = range.tag;
    tag.start = date;
    if (added.what == What::mark) {
        tag.id = added.mark.id;
        tag.class_name = added.mark.class_name;
        tag.attributes = added.mark.attributes;
        if (added.mark.planned) tag.planned = *added.mark.planned / millisecond;
        if (added.mark.duration) tag.duration = *added.mark.duration / millisecond;
        append(tag);
        if (tag.duration) return;
    } else {
        // Events' numbers come again, dates do not.
        tag.id = added.key + "-" + number(static_cast<uint64_t>(date));
        tag.scte35_out = added.section;
        if (added.planned) tag.planned = *added.planned / millisecond;
        if (added.planned && added.auto_return) range.return_at = added.time + *added.planned;
        append(tag);
    }
    open_.push_back(std::move(range));
    if (open_.size() > max_tags) open_.erase(open_.begin());
}

/// Says the end of a range in a tag of its own, since the first one is not changed.
void DateRanges::close(const std::string &key, int64_t date, const std::vector<uint8_t> &section) {
    const auto range =
        std::find_if(open_.begin(), open_.end(), [&](const Open &open) { return open.key == key; });
    if (range == open_.end()) return;
    playlist::DateRange tag;
    tag.id = range->tag.id;
    tag.class_name = range->tag.class_name;
    tag.start = range->tag.start;
    tag.duration = std::max<int64_t>(date - tag.start, 0);
    tag.scte35_in = section;
    open_.erase(range);
    append(std::move(tag));
}

bool DateRanges::has_id(const std::string &id) const {
    return list_ && std::any_of(list_->begin(), list_->end(),
                                [&](const playlist::DateRange &tag) { return tag.id == id; });
}

void DateRanges::append(playlist::DateRange tag) {
    DateRangeList list = list_ ? *list_ : DateRangeList();
    list.push_back(std::move(tag));
    if (list.size() > max_tags) list.erase(list.begin());
    list_ = std::make_shared<const DateRangeList>(std::move(list));
}

} // namespace penstock::hls
