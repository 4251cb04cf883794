// SPDX-License-Identifier: LGPL-2.1-or-later
// The window's parts: pieces of segments, the segment that is not finished, and gaps.
#include "core/hls/stream.h"

#include "core/webvtt/cue.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace penstock::hls {
namespace {

constexpr int64_t second = 1'000'000'000;
constexpr int64_t millisecond = 1'000'000;
/// A box that says nothing: what a gap has for players that don't know EXT-X-GAP and fetch it. Some
/// end at a 404.
constexpr uint8_t empty_box[] = {0, 0, 0, 8, 'f', 'r', 'e', 'e'};

} // namespace

/// What the playlist says of its server. It never changes.
void Stream::fix_control(const Segment &segment) {
    if (list_.control) return;
    const int64_t target = static_cast<int64_t>(list_.target_duration) * second;
    playlist::ServerControl control;
    control.can_block_reload = true;
    control.can_skip_until = 6 * target;
    control.hold_back = 3 * target;
    control.part_target = segment.part_target;
    control.part_hold_back =
        segment.part_hold_back > 0 ? segment.part_hold_back : 3 * segment.part_target;
    list_.control = control;
    info_.part_target = segment.part_target;
}

std::vector<std::string> Stream::publish_piece(const Segment &segment) {
    std::vector<std::string> gone;
    const auto add = [&](std::vector<std::string> names) {
        std::move(names.begin(), names.end(), std::back_inserter(gone));
    };
    if (segment.begins) add(close_open());
    if (segment.begins) add(move_to(segment));
    if (!open_ && !segment.parts.empty()) {
        const bool is_first = !has_list();
        Entry entry = make_entry(segment);
        fix_control(segment);
        if (!segment.begins) { // the segment was ended by a gap
            int64_t before = segment.duration;
            for (const Part &part : segment.parts)
                before -= part.duration;
            *entry.listed.program_date_time += before / millisecond;
            entry.skipped = before;
            entry.independent = segment.parts.front().independent;
        }
        if (is_first) {
            const int64_t target = static_cast<int64_t>(list_.target_duration) * 1000;
            add(append_gap(*entry.listed.program_date_time - target, entry));
        }
        entry.first_part = next_part_;
        open_ = std::move(entry);
    }
    for (const Part &part : segment.parts) {
        open_->listed.parts.push_back({options_.uri_prefix + part_name(next_part_++), part.duration,
                                       part.independent, part.data.empty()});
        open_->listed.duration += part.duration;
        open_->parts.push_back(options_.store(std::span(&part.data, 1)));
    }
    info_.has_video = info_.has_video || segment.has_video;
    info_.has_audio = info_.has_audio || segment.has_audio;
    if (segment.complete) add(close_open(segment.data));
    changed();
    return gone;
}

/// The parts so far become a segment: its bytes are theirs, unless it has its own.
std::vector<std::string> Stream::close_open(const Bytes &own) {
    if (!open_) return {};
    Entry entry = std::move(*open_);
    open_.reset();
    // Texts have headers, and the same cues.
    const Bytes data = own.empty() && is_text() ? webvtt::merge(entry.parts) : own;
    entry.data = options_.store(data.empty() ? std::span<const Bytes>(entry.parts)
                                             : std::span<const Bytes>(&data, 1));
    const size_t size = entry.data.size();
    // From now on parts are views of the segment, and the memory they were in is released.
    size_t at = 0;
    for (Bytes &part : entry.parts) {
        if (!data.empty()) break;
        part = entry.data.sub(at, part.size());
        at += part.size();
    }
    if (size == 0) {
        // Of several renditions: none of its parts has media.
        entry.listed.gap = true;
        entry.data = gap_media();
    }
    if (size > 0) rates_.add(size, entry.listed.duration, announced());
    if (entry.listed.duration > 0)
        info_.bitrate = static_cast<uint64_t>(static_cast<double>(size) * 8e9 /
                                              static_cast<double>(entry.listed.duration));
    return append(std::move(entry));
}

Bytes Stream::gap_media() const {
    static const Bytes media = Bytes::copy_of(ByteView(empty_box));
    static const Bytes text = Bytes::copy_of(std::string_view("WEBVTT\n"));
    return is_text() ? text : media;
}

bool Stream::is_text() const {
    return options_.container.mime_type.starts_with("text/");
}

void Stream::begin_at(uint64_t number, uint64_t discontinuities) {
    std::lock_guard lock(mutex_);
    if (has_list() || info_.segments > 0 || is_resumed_) return;
    next_number_ = list_.media_sequence = number;
    list_.discontinuity_sequence = discontinuities;
}

uint64_t Stream::discontinuities(uint64_t number) const {
    std::lock_guard lock(mutex_);
    uint64_t count = list_.discontinuity_sequence;
    for (size_t i = removed_; i < entries_.size(); ++i)
        if (list_.media_sequence + (i - removed_) <= number)
            count += entries_[i].listed.discontinuity;
    if (open_ && next_number_ <= number) count += open_->listed.discontinuity;
    return count;
}

/// Numbers that are given may leave some out: a rendition begins later than others, or others have
/// been filled with gaps.
std::vector<std::string> Stream::move_to(const Segment &segment) {
    std::vector<std::string> gone;
    if (!segment.sequence || *segment.sequence <= next_number_) return gone;
    const bool has_parts = segment.part_target > 0;
    const uint64_t missing = *segment.sequence - next_number_;
    const bool is_empty = removed_ == entries_.size();
    if (is_empty || missing > std::max(options_.playlist_length, 3u)) {
        // Begins anew. A playlist with parts begins with a gap, and that has a number too.
        for (; removed_ < entries_.size(); ++removed_)
            list_.discontinuity_sequence += entries_[removed_].listed.discontinuity;
        next_number_ = *segment.sequence - has_parts;
        list_.media_sequence = next_number_;
        interrupted_ = interrupted_ || !is_empty;
        return gone;
    }
    while (next_number_ < *segment.sequence) {
        std::optional<int64_t> date = entries_.back().listed.program_date_time;
        if (date) *date += entries_.back().listed.duration / millisecond;
        const Entry beside = entries_.back();
        std::vector<std::string> more = append_gap(date, beside);
        std::move(more.begin(), more.end(), std::back_inserter(gone));
    }
    return gone;
}

/// `date` is that of its beginning, in ms since 1970; `beside` a neighbour, whose init segment it
/// is said to need: EXT-X-MAP applies to all that follows it.
std::vector<std::string> Stream::append_gap(std::optional<int64_t> date, const Entry &beside) {
    Entry entry;
    entry.listed.duration = static_cast<int64_t>(list_.target_duration) * second;
    entry.listed.gap = true;
    entry.data = gap_media();
    entry.listed.program_date_time = date;
    entry.init = beside.init;
    entry.listed.map = beside.listed.map;
    entry.listed.map_range = beside.listed.map_range;
    return append(std::move(entry));
}

void Stream::fill_gap() {
    std::lock_guard lock(mutex_);
    if (!list_.control || list_.ended || !has_list()) return;
    close_open();
    std::optional<int64_t> date = entries_.back().listed.program_date_time;
    if (date) *date += entries_.back().listed.duration / millisecond;
    const Entry beside = entries_.back();
    append_gap(date, beside);
    interrupted_ = true;
    changed();
}

playlist::Edge Stream::edge() const {
    std::lock_guard lock(mutex_);
    playlist::Edge edge;
    edge.next = next_number_;
    edge.ended = list_.ended;
    if (!list_.control) return edge;
    edge.part_target = list_.control->part_target;
    if (open_) edge.parts = open_->parts.size();
    if (!entries_.empty())
        edge.last_parts = entries_.back().listed.gap && entries_.back().parts.empty()
                              ? std::numeric_limits<uint64_t>::max()
                              : entries_.back().parts.size();
    return edge;
}

std::optional<uint64_t> Stream::part_number(std::string_view name) const {
    uint64_t epoch = 0, number = 0;
    const bool is_ours = parse_part_name(name, options_.container.extension, epoch, number) &&
                         epoch == options_.epoch;
    return is_ours ? std::optional(number) : std::nullopt;
}

std::optional<Stream::Newest> Stream::newest() const {
    std::lock_guard lock(mutex_);
    if (!open_ && entries_.empty()) return std::nullopt;
    const Entry &entry = open_ ? *open_ : entries_.back();
    return Newest{open_ ? next_number_ : next_number_ - 1,
                  entry.init ? entry.init->name : std::string(),
                  entry.listed.discontinuity,
                  entry.independent,
                  entry.listed.gap,
                  entry.listed.program_date_time,
                  entry.skipped};
}

Stream::Progress Stream::parts_of(uint64_t segment, size_t from, std::vector<Bytes> &parts) const {
    std::lock_guard lock(mutex_);
    const auto append = [&](const Entry &entry) {
        for (size_t i = from; i < entry.parts.size(); ++i)
            parts.push_back(entry.parts[i]);
    };
    if (segment == next_number_ && open_) {
        append(*open_);
        return Progress::open;
    }
    if (segment == next_number_ + (open_ ? 1 : 0))
        return list_.ended ? Progress::unknown : Progress::next;
    const uint64_t behind = next_number_ - segment; // wraps around where it is not there yet
    if (behind > entries_.size()) return Progress::unknown;
    const Entry &entry = entries_[entries_.size() - behind];
    if (entry.parts.empty() || entry.name != name_of(segment)) return Progress::unknown;
    append(entry);
    return Progress::complete;
}

std::optional<uint64_t> Stream::segment_number(std::string_view name) const {
    uint64_t epoch = 0, number = 0;
    const bool is_ours = parse_segment_name(name, options_.container.extension, epoch, number) &&
                         epoch == options_.epoch;
    return is_ours ? std::optional(number) : std::nullopt;
}

bool Stream::is_past(std::string_view name) const {
    std::lock_guard lock(mutex_);
    if (const auto part = part_number(name)) return *part < next_part_;
    uint64_t epoch = 0, number = 0;
    return parse_segment_name(name, options_.container.extension, epoch, number) &&
           epoch == options_.epoch && number < next_number_;
}

uint64_t Stream::next_part() const {
    std::lock_guard lock(mutex_);
    return next_part_;
}

} // namespace penstock::hls
