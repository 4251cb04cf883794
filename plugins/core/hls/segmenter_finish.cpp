// SPDX-License-Identifier: LGPL-2.1-or-later
// How the segmenter finishes segments: when, with which samples, and how long they are.
#include "core/hls/segmenter.h"

#include <algorithm>
#include <limits>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
// The date is corrected when the media's clock and the wall's have come this far apart.
constexpr int64_t date_drift = 500 * millisecond;
// Every segment's last audio frame reaches a little beyond the last picture: that is no length.
constexpr int64_t audio_overhang = 100 * millisecond;

/// Where a track's samples end; a missing duration is taken from the distances.
int64_t end_of(const std::vector<Sample> &samples) {
    int64_t first = std::numeric_limits<int64_t>::max(), last = std::numeric_limits<int64_t>::min();
    int64_t duration = 0;
    for (const Sample &sample : samples) {
        first = std::min(first, sample.pts);
        if (sample.pts < last) continue;
        last = sample.pts;
        duration = sample.duration;
    }
    const auto steps = static_cast<int64_t>(samples.size()) - 1;
    if (duration <= 0) duration = steps > 0 ? (last - first) / steps : 40 * millisecond;
    return last + duration;
}

void add_codec(std::string &list, const std::string &codec) {
    if (codec.empty()) return;
    if (!list.empty()) list += ",";
    list += codec;
}

} // namespace

/// True if the segment before `pts` has to wait for this track.
bool Segmenter::holds_up(Kind kind, int64_t pts) {
    Track &t = track(kind);
    if (!t.present() || t.ended || t.stalled) return false;
    if (t.position && *t.position >= pts) return false;
    if (!options_.realtime) return true;
    const Track &leader = track(kind == Kind::video ? Kind::audio : Kind::video);
    // A track that has sent nothing in this run is waited for from the run's beginning.
    const int64_t from = t.queue.empty() && !t.position ? cuts_.front().pts : pts;
    if (!leader.position || *leader.position - from <= options_.max_lag) return true;
    t.stalled = true;
    return false;
}

void Segmenter::finish_ready() {
    while (cuts_.size() > 1) {
        const int64_t end = cuts_[1].pts;
        const Kind other = cuts_[1].at_video ? Kind::audio : Kind::video;
        if (holds_up(other, end)) return;
        emit(end, false);
    }
}

std::vector<Segmenter::Entry> Segmenter::collect_video() {
    Track &t = track(Kind::video);
    std::vector<Entry> entries;
    const bool more = cuts_.size() > 1;
    while (!t.queue.empty()) {
        Entry &entry = t.queue.front();
        // The first entry may be this segment's own beginning.
        const bool own_begin = entries.empty() && cuts_.front().at_video;
        if (more && entry.begins_cut && !own_begin) break;
        if (more && !cuts_[1].at_video && entry.sample.pts >= cuts_[1].pts) break;
        entry.begins_cut = false;
        entries.push_back(std::move(entry));
        t.queue.pop_front();
    }
    return entries;
}

std::vector<Segmenter::Entry> Segmenter::collect_audio(int64_t end, bool last) {
    Track &t = track(Kind::audio);
    std::vector<Entry> entries;
    while (!t.queue.empty()) {
        Entry &entry = t.queue.front();
        if (last ? entry.after_gap && video_driven_ : entry.sample.pts >= end) break;
        entries.push_back(std::move(entry));
        t.queue.pop_front();
    }
    return entries;
}

/// Finishes the oldest segment. `last`: it takes what there is, and its length is its media's.
void Segmenter::emit(int64_t end, bool last) {
    std::array<std::vector<Entry>, 2> entries{collect_video(), collect_audio(end, last)};
    const Cut begin = cuts_.front();
    cuts_.pop_front();

    Segment segment;
    std::array<TrackSamples, 2> inputs;
    std::optional<int64_t> arrival;
    for (size_t i = 0; i < entries.size(); ++i) {
        Track &t = tracks_[i];
        for (Entry &entry : entries[i]) {
            stats_.kept_bytes -= entry.sample.data.size();
            --stats_.kept_samples;
            if (!inputs[i].format) inputs[i].format = entry.format;
            // One segment, one configuration: what differs waits for no one.
            if (!inputs[i].format->same(*entry.format)) {
                drop();
                continue;
            }
            arrival = std::min(arrival.value_or(entry.arrival), entry.arrival);
            inputs[i].samples.push_back(std::move(entry.sample));
        }
        // A track that pauses stays in the program, so that the next segment can continue it.
        const bool was = t.in_program && t.present() && !begin.discontinuity;
        if (!inputs[i].format && was) inputs[i].format = t.format;
    }
    const bool empty = inputs[0].samples.empty() && inputs[1].samples.empty();
    const bool video = !inputs[0].samples.empty(), audio = !inputs[1].samples.empty();
    const int64_t video_end = video ? end_of(inputs[0].samples) : begin.pts;
    const int64_t audio_end = audio ? end_of(inputs[1].samples) : begin.pts;
    if (last && !empty) {
        end = !video || (audio && audio_end > video_end + audio_overhang) ? audio_end : video_end;
    }
    segment.duration = end - begin.pts;
    if (empty || segment.duration <= 0) {
        // Nothing to show for it; what follows does not continue what came before.
        if (!cuts_.empty())
            cuts_.front().discontinuity = cuts_.front().discontinuity || begin.discontinuity;
        else
            next_discontinuity_ = next_discontinuity_ || begin.discontinuity;
        return;
    }
    segment.discontinuity = begin.discontinuity && emitted_;
    for (size_t i = 0; i < inputs.size(); ++i) {
        const bool now = inputs[i].format != nullptr;
        if (emitted_ && now != tracks_[i].in_program) segment.discontinuity = true;
        tracks_[i].in_program = now;
    }
    segment.has_video = video;
    segment.has_audio = audio;
    for (const TrackSamples &input : inputs) {
        if (!input.format) continue;
        add_codec(segment.codecs, input.format->codec_string);
        segment.width = std::max(segment.width, input.format->width);
        segment.height = std::max(segment.height, input.format->height);
    }
    // The earliest arrival tells best when it happened: all others were delayed on the way.
    if (!date_anchor_ || (options_.realtime && std::abs(*arrival - *date_anchor_) > date_drift))
        date_anchor_ = arrival;
    const int64_t date = begin.pts + *date_anchor_;
    segment.program_date_time = (date >= 0 ? date : 0) / millisecond;
    segment.data = writer_->write(inputs[0], inputs[1], *offset_);
    stream_end_ = std::max(stream_end_, std::max({end, video_end, audio_end}) + *offset_);
    stats_.discontinuities += segment.discontinuity;
    emitted_ = true;
    finished_.push_back(std::move(segment));
}

void Segmenter::finish_run() {
    while (cuts_.size() > 1)
        emit(cuts_[1].pts, false);
    if (running()) emit(0, true);
    need_keyframe_ = true;
    video_driven_ = false;
    // What has not become part of a segment waits for the next run.
    Track &video = track(Kind::video);
    clear_queue(video);
    for (Track &t : tracks_) {
        t.last_pts.reset();
        t.last_dts.reset();
        t.position.reset();
        t.stalled = false;
        t.accepted = nullptr;
    }
    force_cut_ = false;
    audio_alone_ = 0;
}

void Segmenter::finish() {
    if (!running()) start_audio_only();
    finish_run();
    clear_queue(track(Kind::audio));
    next_discontinuity_ = emitted_;
}

bool Segmenter::take(Segment &segment) {
    if (finished_.empty()) return false;
    segment = std::move(finished_.front());
    finished_.pop_front();
    return true;
}

} // namespace penstock::hls
