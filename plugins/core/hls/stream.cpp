// SPDX-License-Identifier: LGPL-2.1-or-later
// The window of segments and its playlist.
#include "core/hls/stream.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace penstock::hls {
namespace {

constexpr int64_t second = 1'000'000'000;
constexpr std::string_view name_begin = "seg-";

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

} // namespace

bool parse_segment_name(std::string_view name, std::string_view extension, uint64_t &epoch,
                        uint64_t &number) {
    if (!name.starts_with(name_begin) || !name.ends_with(extension)) return false;
    name.remove_prefix(name_begin.size());
    if (name.size() < extension.size()) return false;
    name.remove_suffix(extension.size());
    const size_t dash = name.find('-');
    return dash != name.npos && parse_in_base(name.substr(0, dash), 36, epoch) &&
           parse_in_base(name.substr(dash + 1), 10, number);
}

Stream::Stream(Options options) : options_(std::move(options)) {
    list_.version = options_.container.playlist_version;
    list_.target_duration = whole_seconds_up(options_.target_duration);
    if (options_.playlist_length == 0) list_.type = playlist::Type::event;
}

std::string Stream::name_of(uint64_t number) const {
    return std::string(name_begin) + in_base(options_.epoch, 36) + "-" + in_base(number, 10) +
           std::string(options_.container.extension);
}

std::string Stream::next_name() const {
    std::lock_guard lock(mutex_);
    return name_of(next_number_);
}

std::vector<std::string> Stream::publish(const Segment &segment) {
    std::lock_guard lock(mutex_);
    if (list_.ended) return {};
    Entry entry;
    entry.name = name_of(next_number_++);
    if (options_.keep_data) entry.data = segment.data;
    entry.listed.uri = options_.uri_prefix + entry.name;
    entry.listed.duration = segment.duration;
    entry.listed.program_date_time = segment.program_date_time;
    // The very first segment has no predecessor, so it has no discontinuity.
    const bool first = entries_.empty() && info_.segments == 0 && list_.media_sequence == 0;
    entry.listed.discontinuity = !first && (segment.discontinuity || interrupted_);
    interrupted_ = false;

    entry.independent = segment.independent;
    if (info_.target_duration == 0) {
        list_.target_duration = std::max(list_.target_duration, segment.target_duration);
        info_.target_duration = list_.target_duration;
    }
    entries_.push_back(std::move(entry));

    ++info_.segments;
    if (segment.duration > 0)
        info_.bitrate = static_cast<uint64_t>(static_cast<double>(segment.data.size()) * 8e9 /
                                              static_cast<double>(segment.duration));
    info_.codecs = segment.codecs;
    info_.width = segment.width;
    info_.height = segment.height;
    info_.has_video = segment.has_video;
    info_.has_audio = segment.has_audio;

    std::vector<std::string> gone;
    if (options_.playlist_length > 0) {
        while (entries_.size() - removed_ > options_.playlist_length) {
            // EXT-X-DISCONTINUITY leaves the playlist together with its segment.
            list_.discontinuity_sequence += entries_[removed_].listed.discontinuity;
            ++list_.media_sequence;
            ++removed_;
        }
        const size_t excess = removed_ > options_.extra ? removed_ - options_.extra : 0;
        for (size_t i = 0; i < excess; ++i)
            gone.push_back(std::move(entries_[i].name));
        entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(excess));
        removed_ -= excess;
    }
    render();
    return gone;
}

void Stream::interrupt() {
    std::lock_guard lock(mutex_);
    interrupted_ = true;
}

void Stream::end() {
    std::lock_guard lock(mutex_);
    list_.ended = true;
    if (!entries_.empty()) render();
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
    text_ = {};
}

void Stream::resume(const playlist::MediaPlaylist &earlier, bool keep_segments) {
    std::lock_guard lock(mutex_);
    list_.target_duration = std::max(list_.target_duration, earlier.target_duration);
    list_.media_sequence = earlier.media_sequence;
    list_.discontinuity_sequence = earlier.discontinuity_sequence;
    next_number_ = earlier.media_sequence + earlier.segments.size();
    interrupted_ = true;
    for (const playlist::Segment &segment : earlier.segments) {
        if (keep_segments) {
            entries_.push_back({segment, segment.uri, Bytes(), earlier.independent_segments});
        } else {
            ++list_.media_sequence;
            list_.discontinuity_sequence += segment.discontinuity;
        }
    }
    if (!entries_.empty()) render();
}

void Stream::render() {
    list_.segments.clear();
    list_.independent_segments = true;
    for (size_t i = removed_; i < entries_.size(); ++i) {
        list_.segments.push_back(entries_[i].listed);
        list_.independent_segments = list_.independent_segments && entries_[i].independent;
    }
    text_ = Bytes::copy_of(playlist::write(list_));
    info_.media_sequence = list_.media_sequence;
    info_.ended = list_.ended;
}

Bytes Stream::playlist() const {
    std::lock_guard lock(mutex_);
    return text_;
}

bool Stream::segment(std::string_view name, Bytes &data) const {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry &entry) { return entry.name == name; });
    if (found == entries_.end()) return false;
    data = found->data;
    return true;
}

Stream::Info Stream::info() const {
    std::lock_guard lock(mutex_);
    return info_;
}

int64_t Stream::target_duration() const {
    std::lock_guard lock(mutex_);
    return static_cast<int64_t>(list_.target_duration) * second;
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
