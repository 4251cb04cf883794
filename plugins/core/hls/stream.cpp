// SPDX-License-Identifier: LGPL-2.1-or-later
// The window of segments and its playlist.
#include "core/hls/stream.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace penstock::hls {
namespace {

constexpr int64_t second = 1'000'000'000;
constexpr std::string_view name_begin = "seg-", part_begin = "part-";
// A rendition of which so many segments in a row are gaps is away.
constexpr unsigned away_gaps = 3;
constexpr unsigned range_version = 4; // of EXT-X-BYTERANGE; RFC 8216, 7
constexpr std::string_view init_begin = "init-", init_extension = ".mp4";

template <class Number>
std::string in_base(Number value, int base) {
    char text[24];
    const auto [end, error] = std::to_chars(text, text + sizeof text, value, base);
    return std::string(text, end);
}

bool parse_in_base(std::string_view text, int base, uint64_t &value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    // Accepts only the form that to_chars() writes: no upper case, no leading zeros.
    return error == std::errc{} && end == text.data() + text.size() && in_base(value, base) == text;
}

uint64_t whole_seconds_up(int64_t nanoseconds) {
    return static_cast<uint64_t>(std::max<int64_t>((nanoseconds + second - 1) / second, 1));
}

bool parse_name(std::string_view name, std::string_view begin, std::string_view extension,
                uint64_t &epoch, uint64_t &number) {
    if (!name.starts_with(begin) || !name.ends_with(extension)) return false;
    name.remove_prefix(begin.size());
    if (name.size() < extension.size()) return false;
    name.remove_suffix(extension.size());
    const size_t dash = name.find('-');
    return dash != name.npos && parse_in_base(name.substr(0, dash), 36, epoch) &&
           parse_in_base(name.substr(dash + 1), 10, number);
}

} // namespace

bool parse_segment_name(std::string_view name, std::string_view extension, uint64_t &epoch,
                        uint64_t &number) {
    return parse_name(name, name_begin, extension, epoch, number);
}

bool parse_part_name(std::string_view name, std::string_view extension, uint64_t &epoch,
                     uint64_t &number) {
    return parse_name(name, part_begin, extension, epoch, number);
}

bool parse_init_name(std::string_view name, uint64_t &epoch, uint64_t &number) {
    return parse_name(name, init_begin, init_extension, epoch, number);
}

Stream::Stream(Options options) : options_(std::move(options)) {
    list_.version = options_.container.playlist_version;
    list_.target_duration = whole_seconds_up(options_.target_duration);
    if (options_.playlist_length == 0) list_.type = playlist::Type::event;
    if (options_.is_vod) list_.type = playlist::Type::vod;
    if (!options_.file.empty()) list_.version = std::max(list_.version, range_version);
}

std::string Stream::name_of(uint64_t number) const {
    return std::string(name_begin) + in_base(options_.epoch, 36) + "-" + in_base(number, 10) +
           std::string(options_.container.extension);
}

std::string Stream::name_template() const {
    return std::string(name_begin) + in_base(options_.epoch, 36) + "-$Number$" +
           std::string(options_.container.extension);
}

std::string Stream::part_name(uint64_t number) const {
    return std::string(part_begin) + in_base(options_.epoch, 36) + "-" + in_base(number, 10) +
           std::string(options_.container.extension);
}

std::string Stream::next_name() const {
    std::lock_guard lock(mutex_);
    return name_of(next_number_);
}

/// Whether the segment can use the last one's init segment.
bool Stream::has_same_init(const Segment &segment) const {
    const Init *last = entries_.empty() ? nullptr : entries_.back().init.get();
    if (segment.init.empty()) return true;
    return last && std::equal(last->data.begin(), last->data.end(), segment.init.begin(),
                              segment.init.end());
}

std::string Stream::next_init_name() const {
    return std::string(init_begin) + in_base(options_.epoch, 36) + "-" + in_base(next_number_, 10) +
           std::string(init_extension);
}

std::string Stream::next_init(const Segment &segment) const {
    std::lock_guard lock(mutex_);
    return has_same_init(segment) ? std::string() : next_init_name();
}

/// Where the next bytes of the file are.
playlist::ByteRange Stream::place(size_t size) {
    return {size, std::exchange(file_size_, file_size_ + size)};
}

Bytes Stream::stored(const Segment &segment) const {
    return segment.data.empty() && !options_.file.empty() ? gap_media() : segment.data;
}

/// The beginning of a segment: its tags, and the init segment it needs.
Stream::Entry Stream::make_entry(const Segment &segment) {
    Entry entry;
    if (!has_same_init(segment)) {
        Init init{next_init_name(), segment.init};
        if (!options_.file.empty()) init.range = place(segment.init.size());
        entry.init = std::make_shared<Init>(std::move(init));
    } else if (!segment.init.empty()) {
        entry.init = entries_.back().init;
    }
    if (entry.init) {
        entry.listed.map =
            options_.uri_prefix + (entry.init->range ? options_.file : entry.init->name);
        entry.listed.map_range = entry.init->range;
    }
    if (!options_.is_vod) entry.listed.program_date_time = segment.program_date_time;
    // The very first segment has no predecessor, so it has no discontinuity.
    const bool first = entries_.empty() && info_.segments == 0 && !is_resumed_;
    entry.listed.discontinuity = !first && (segment.discontinuity || interrupted_);
    interrupted_ = false;
    entry.independent = segment.independent;

    if (info_.target_duration == 0 || options_.is_vod) {
        list_.target_duration = std::max(list_.target_duration, segment.target_duration);
        info_.target_duration = list_.target_duration;
    }
    if (!segment.codecs.empty() || !segment.about) info_.codecs = segment.codecs;
    info_.width = segment.width;
    info_.height = segment.height;
    if (segment.about) info_.about = segment.about;
    info_.has_video = segment.has_video;
    info_.has_audio = segment.has_audio;
    return entry;
}

std::vector<std::string> Stream::publish(const Segment &segment) {
    std::lock_guard lock(mutex_);
    if (list_.ended) return {};
    take_ranges(segment);
    if (segment.part_target > 0) return publish_piece(segment);
    std::vector<std::string> gone = move_to(segment);
    Entry entry = make_entry(segment);
    if (options_.keep_data) entry.data = options_.store(std::span(&segment.data, 1));
    entry.listed.duration = segment.duration;
    // Of several renditions one may have nothing where the others have media.
    entry.listed.gap = segment.data.empty() && segment.about;
    if (entry.listed.gap) entry.data = gap_media();
    if (!options_.file.empty()) entry.listed.range = place(stored(segment).size());
    if (segment.duration > 0)
        info_.bitrate = static_cast<uint64_t>(static_cast<double>(segment.data.size()) * 8e9 /
                                              static_cast<double>(segment.duration));
    if (!entry.listed.gap) rates_.add(segment.data.size(), segment.duration, announced());
    std::vector<std::string> more = append(std::move(entry));
    std::move(more.begin(), more.end(), std::back_inserter(gone));
    changed();
    return gone;
}

int64_t Stream::announced() const {
    return static_cast<int64_t>(list_.target_duration) * second;
}

std::vector<std::string> Stream::align(const Segment &segment) {
    std::lock_guard lock(mutex_);
    return list_.ended ? std::vector<std::string>() : move_to(segment);
}

uint64_t Stream::next_number() const {
    std::lock_guard lock(mutex_);
    return next_number_;
}

/// Whether the playlist is to keep its oldest segment, if it has that many. However short they are,
/// it stays three target durations long (RFC 8216, 6.2.2).
bool Stream::keeps(size_t listed) const {
    if (listed <= options_.playlist_length) return true;
    int64_t length = 0;
    for (size_t i = removed_ + 1; i < entries_.size(); ++i)
        length += entries_[i].listed.duration;
    return length < 3 * announced();
}

/// Appends a whole segment. Returns the names that are no longer served.
std::vector<std::string> Stream::append(Entry entry) {
    entry.name = name_of(next_number_++);
    entry.listed.uri = options_.uri_prefix + (options_.file.empty() ? entry.name : options_.file);
    if (!entry.listed.gap) ++info_.segments;
    gaps_ = entry.listed.gap ? gaps_ + 1 : 0;
    info_.is_away = gaps_ >= away_gaps;
    if (!entry.listed.gap) info_.is_independent = info_.is_independent && entry.independent;
    entries_.push_back(std::move(entry));
    std::vector<std::string> gone;
    if (options_.playlist_length == 0) return gone;
    while (!keeps(entries_.size() - removed_)) {
        // EXT-X-DISCONTINUITY leaves the playlist together with its segment.
        list_.discontinuity_sequence += entries_[removed_].listed.discontinuity;
        ++list_.media_sequence;
        ++removed_;
    }
    const size_t excess = removed_ > options_.extra ? removed_ - options_.extra : 0;
    for (size_t i = 0; i < excess; ++i) {
        gone.push_back(std::move(entries_[i].name));
        const auto &init = entries_[i].init;
        // Segments with the same init segment are neighbours.
        if (init && entries_[i + 1].init != init) gone.push_back(init->name);
    }
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(excess));
    removed_ -= excess;
    return gone;
}

void Stream::interrupt() {
    std::lock_guard lock(mutex_);
    interrupted_ = true;
    if (ranges_) old_ranges_.insert(old_ranges_.end(), ranges_->begin(), ranges_->end());
    ranges_ = nullptr;
}

void Stream::take_ranges(const Segment &segment) {
    if (!segment.ranges || segment.ranges == ranges_ || options_.is_vod) return;
    ranges_ = segment.ranges;
    // After an interruption the same producer may go on, with all that it had.
    std::erase_if(old_ranges_, [&](const playlist::DateRange &old) {
        return std::find(ranges_->begin(), ranges_->end(), old) != ranges_->end();
    });
    if (old_ranges_.size() > DateRanges::max_tags)
        old_ranges_.erase(old_ranges_.begin(), old_ranges_.end() - DateRanges::max_tags);
}

/// The date ranges that have not ended before the playlist begins. An open one of an earlier
/// producer, which nobody ends any more, lasts as long as was planned.
std::vector<playlist::DateRange> Stream::ranges_in(const playlist::MediaPlaylist &list) const {
    std::vector<playlist::DateRange> kept;
    const playlist::Segment *first = list.segments.empty() ? nullptr : &list.segments.front();
    if (!first || !first->program_date_time) return kept;
    const DateRangeList none;
    const DateRangeList &own = ranges_ ? *ranges_ : none;
    for (const DateRangeList *tags : {&old_ranges_, &own})
        for (const playlist::DateRange &tag : *tags) {
            // The tag that says the end may be another one.
            std::optional<int64_t> end;
            for (const playlist::DateRange &other : *tags)
                if (other.id == tag.id && other.duration) end = other.start + *other.duration;
            if (!end && tags == &old_ranges_) end = tag.start + tag.planned.value_or(0);
            if (!end && !tag.scte35_command.empty()) end = tag.start;
            if (!end || *end >= *first->program_date_time) kept.push_back(tag);
        }
    return kept;
}

void Stream::end() {
    std::lock_guard lock(mutex_);
    close_open();
    list_.ended = true;
    if (has_list()) changed();
}

void Stream::reopen() {
    std::lock_guard lock(mutex_);
    if (!std::exchange(list_.ended, false)) return;
    info_.ended = false;
    interrupted_ = true;
    for (; removed_ < entries_.size(); ++removed_) {
        ++list_.media_sequence;
        list_.discontinuity_sequence += entries_[removed_].listed.discontinuity;
    }
    changed();
}

void Stream::resume(const playlist::MediaPlaylist &earlier, bool keep_segments) {
    std::lock_guard lock(mutex_);
    list_.target_duration = std::max(list_.target_duration, earlier.target_duration);
    list_.media_sequence = earlier.media_sequence;
    list_.discontinuity_sequence = earlier.discontinuity_sequence;
    next_number_ = earlier.media_sequence + earlier.segments.size();
    interrupted_ = true;
    is_resumed_ = next_number_ > 0;
    for (const playlist::Segment &segment : earlier.segments) {
        if (keep_segments) {
            auto last = entries_.empty() ? nullptr : entries_.back().init;
            if (segment.map.empty())
                last = nullptr;
            else if (!last || last->name != segment.map)
                last = std::make_shared<Init>(Init{segment.map, Bytes()});
            entries_.push_back(
                {segment, segment.uri, Bytes(), earlier.independent_segments, std::move(last)});
        } else {
            ++list_.media_sequence;
            list_.discontinuity_sequence += segment.discontinuity;
        }
    }
    if (!entries_.empty()) changed();
}

void Stream::changed() {
    texts_ = {};
    info_.media_sequence = list_.media_sequence;
    info_.ended = list_.ended;
}

Bytes Stream::render(bool delta) const {
    playlist::MediaPlaylist list = list_;
    for (size_t i = removed_; i < entries_.size(); ++i) {
        list.segments.push_back(entries_[i].listed);
        list.independent_segments = list.independent_segments && entries_[i].independent;
    }
    list.ranges = ranges_in(list);
    if (list.control) {
        int64_t behind = 0; // of the end
        if (open_) {
            list.open = open_->listed;
            list.independent_segments = list.independent_segments && open_->independent;
            for (const playlist::Part &part : open_->listed.parts)
                behind += part.duration;
        }
        for (auto segment = list.segments.rbegin(); segment != list.segments.rend(); ++segment) {
            if (behind >= list.control->hold_back) segment->parts.clear();
            behind += segment->duration;
        }
        list.hint_part = options_.uri_prefix + part_name(next_part_);
    }
    return Bytes::copy_of(delta ? playlist::write_delta(list) : playlist::write(list));
}

Bytes Stream::playlist(bool delta) const {
    std::lock_guard lock(mutex_);
    if (!has_list()) return {};
    Bytes &text = texts_[delta];
    if (text.empty()) text = render(delta);
    return text;
}

bool Stream::segment(std::string_view name, Bytes &data) const {
    std::lock_guard lock(mutex_);
    uint64_t epoch = 0, number = 0;
    if (parse_part_name(name, options_.container.extension, epoch, number)) {
        if (epoch != options_.epoch) return false;
        const auto has_it = [&](const Entry &entry) {
            return number >= entry.first_part && number - entry.first_part < entry.parts.size();
        };
        const auto found = std::find_if(entries_.begin(), entries_.end(), has_it);
        const Entry *entry = found != entries_.end()   ? &*found
                             : open_ && has_it(*open_) ? &*open_
                                                       : nullptr;
        if (entry) data = entry->parts[number - entry->first_part];
        return entry && !data.empty();
    }
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry &entry) { return entry.name == name; });
    if (found != entries_.end()) {
        data = found->data;
        return true;
    }
    const auto needs = [&](const Entry &entry) { return entry.init && entry.init->name == name; };
    const auto entry = std::find_if(entries_.begin(), entries_.end(), needs);
    if (entry == entries_.end() && !(open_ && needs(*open_))) return false;
    data = (entry == entries_.end() ? *open_ : *entry).init->data;
    return true;
}

Stream::Info Stream::info() const {
    std::lock_guard lock(mutex_);
    Info info = info_;
    info.peak_bitrate = rates_.peak();
    info.average_bitrate = rates_.average();
    if (info.peak_bitrate > 0 || !open_ || open_->listed.duration <= 0) return info;
    // Too high, since the first part has a keyframe: better than too low.
    uint64_t bytes = 0;
    for (const Bytes &part : open_->parts)
        bytes += part.size();
    info.peak_bitrate = static_cast<uint64_t>(static_cast<double>(bytes) * 8e9 /
                                              static_cast<double>(open_->listed.duration));
    if (bytes > 0 && info.segments == 0) info.segments = 1;
    return info;
}

int64_t Stream::target_duration() const {
    std::lock_guard lock(mutex_);
    return announced();
}

bool Stream::is_new() const {
    std::lock_guard lock(mutex_);
    return !has_list() && info_.segments == 0 && !is_resumed_;
}

void Stream::set_target_duration(int64_t nanoseconds) {
    std::lock_guard lock(mutex_);
    if (info_.target_duration == 0)
        list_.target_duration = std::max(list_.target_duration, whole_seconds_up(nanoseconds));
}

void Stream::set_playlist_length(unsigned segments, unsigned extra) {
    std::lock_guard lock(mutex_);
    options_.playlist_length = segments;
    options_.extra = extra;
    list_.type = segments == 0 ? playlist::Type::event : playlist::Type::live;
}

} // namespace penstock::hls
