// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/presentation.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::hls {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr int64_t second = 1'000'000'000;
// A track without a format is not waited for after this much media of the others; ns.
constexpr int64_t stream_wait = second;
// A track with a format that has sent nothing is not waited for after this much; ns.
constexpr int64_t sample_wait = 10 * second;
// A reference that is this much behind another video track no longer is one; ns.
constexpr int64_t reference_lag = 3 * second;
// Tracks that end together are not equally long. One that goes on for this long after the
// reference's end takes its place; ns.
constexpr int64_t succession = second / 2;
// A track that is further behind the reference's end is on another timeline; ns.
constexpr int64_t furthest_behind = 60 * second;
// A segment of audio may be longer than the reference's by a frame; ns.
constexpr int64_t audio_margin = 110 * millisecond;

/// Stands for the reference's media: only its cuts are used.
class NoMedia final : public SegmentWriter {
public:
    explicit NoMedia(const Container &container) : container_(container) {}
    const Container &container() const override { return container_; }
    Bytes write(TrackSamples &, const TrackSamples &, const SegmentTimes &) override {
        return media_;
    }

private:
    const Container container_;
    const Bytes media_ = Bytes::copy_of(std::string_view("-"));
};

} // namespace

Presentation::Presentation(Options options)
    : layout_(options.layout), options_(std::move(options)) {
    auto writer = options_.make_writer();
    Segmenter::Options segmenter = options_.segmenter;
    if (!is_single()) {
        writer = std::make_unique<NoMedia>(writer->container());
        if (layout_ == Layout::separate) segmenter.margin = audio_margin;
    }
    segmenter_ = std::make_unique<Segmenter>(std::move(segmenter), std::move(writer));
}

size_t Presentation::add_rendition(Kind kind, const std::string &name) {
    Rendition::Options options;
    options.tracks[0] = kind == Kind::video;
    options.tracks[1] = kind == Kind::audio || layout_ == Layout::muxed;
    options.has_parts = options_.segmenter.part_duration > 0;
    if (options_.part_target) options.part_target = options_.part_target(name);
    options.realtime = options_.segmenter.realtime;
    options.monotonic_clock = options_.segmenter.monotonic_clock;
    // A package has all that comes, however slowly: nobody waits for it.
    if (!options_.segmenter.fixes_target) options.max_behind = INT64_MAX / 2;
    Slot slot;
    slot.rendition = std::make_unique<Rendition>(options, options_.make_writer());
    About about;
    about.name = name;
    slot.rendition->set_about(std::move(about));
    for (const Track &track : tracks_) // audio that was there first
        if (layout_ == Layout::muxed && track.kind == Kind::audio && track.format)
            slot.rendition->set_format(track.format);
    slots_.push_back(std::move(slot));
    return slots_.size() - 1;
}

std::optional<size_t> Presentation::declare(Kind kind, std::string name) {
    const auto known = std::find_if(tracks_.begin(), tracks_.end(), [&](const Track &track) {
        return track.name == name && track.kind == kind;
    });
    const auto is_of_kind = [&](const Track &track) {
        return track.kind == kind && !track.is_removed;
    };
    size_t id = static_cast<size_t>(known - tracks_.begin());
    const bool has_one = std::any_of(tracks_.begin(), tracks_.end(), is_of_kind);
    const bool is_alone = is_single() || (layout_ == Layout::muxed && kind == Kind::audio);
    if (is_alone && has_one) return std::nullopt;
    if (known != tracks_.end()) {
        known->is_removed = known->has_ended = false;
    } else {
        tracks_.push_back({kind, name});
        if (!is_alone) tracks_.back().rendition = add_rendition(kind, name);
    }
    segmenter_->declare(kind);
    update_expected();
    return id;
}

/// Calls `use` with each rendition that has the track.
template <class Use>
void Presentation::for_renditions_of(size_t track, Use use) {
    const Track &t = tracks_[track];
    for (size_t i = 0; i < slots_.size(); ++i)
        if (slots_[i].rendition && (t.rendition ? *t.rendition == i : !is_single()))
            use(*slots_[i].rendition);
}

void Presentation::set_format(size_t track, FormatPtr format) {
    Track &t = tracks_[track];
    t.has_ended = false;
    t.format = format;
    for_renditions_of(track, [&](Rendition &rendition) { rendition.set_format(format); });
    if (is_single() || reference(t.kind) == track) segmenter_->set_format(format);
    elect(t.kind);
    pump();
}

void Presentation::set_about(size_t track, About about) {
    const Track &t = tracks_[track];
    if (!t.rendition) return;
    about.name = t.name;
    slots_[*t.rendition].rendition->set_about(std::move(about));
}

/// Finds a reference of this kind if there is none: the first track, as long as that may come.
void Presentation::elect(Kind kind) {
    if (is_single() || reference(kind)) return;
    for (size_t i = 0; i < tracks_.size(); ++i) {
        const Track &t = tracks_[i];
        if (t.kind != kind || t.is_removed || t.has_ended) continue;
        if (t.format) return refer_to(i);
        // Another one is taken when it has come so far that this is not waited for.
        const auto is_far = [&](const Track &other) {
            if (other.kind != kind || !other.rendition || !other.format) return false;
            const auto &rendition = *slots_[*other.rendition].rendition;
            std::optional<int64_t> first;
            rendition.for_each_queued(kind, [&](const Sample &sample) {
                if (!first) first = sample.pts;
            });
            return first && rendition.position(kind).value_or(*first) - *first > stream_wait;
        };
        if (std::none_of(tracks_.begin(), tracks_.end(), is_far)) return;
    }
}

/// The track decides from now on, beginning with what is queued of it.
void Presentation::refer_to(size_t track) {
    Track &t = tracks_[track];
    reference(t.kind) = track;
    segmenter_->set_format(t.format);
    if (!t.rendition) return;
    std::vector<Sample> queued;
    slots_[*t.rendition].rendition->for_each_queued(t.kind, [&](const Sample &sample) {
        if (!media_ || sample.pts >= *media_) queued.push_back(sample);
    });
    for (Sample &sample : queued)
        segmenter_->add(t.kind, std::move(sample));
}

/// Whether this video track has gone on so long without the reference that it takes its place.
void Presentation::compare_with_reference(size_t track) {
    const Track &t = tracks_[track];
    auto &current = reference(Kind::video);
    if (t.kind != Kind::video || !current || *current == track || !options_.segmenter.realtime)
        return;
    const auto here = slots_[*t.rendition].rendition->position(Kind::video);
    const auto there = slots_[*tracks_[*current].rendition].rendition->position(Kind::video);
    if (!here || !there || *here < *there + reference_lag) return;
    warnings_.push_back(tracks_[*current].name + " sends nothing: segments now begin where " +
                        t.name + " has keyframes");
    refer_to(track);
}

/// Whether this track has gone on beyond the end of the reference: then there is another one.
void Presentation::succeed(size_t track) {
    const Track &t = tracks_[track];
    auto &current = reference(t.kind);
    if (!current || *current == track || !tracks_[*current].has_ended) return;
    const auto &own = t.rendition, &ended = tracks_[*current].rendition;
    if (!own || !ended) return;
    const auto here = slots_[*own].rendition->position(t.kind);
    const auto there = slots_[*ended].rendition->position(t.kind);
    if (!here) return;
    const int64_t ahead = there ? *here - *there : succession;
    if (ahead < succession && ahead > -furthest_behind) return;
    current.reset();
    elect(t.kind);
}

void Presentation::add(size_t track, Sample sample) {
    Track &t = tracks_[track];
    ++samples_;
    if (is_single()) return segmenter_->add(t.kind, std::move(sample));
    t.has_ended = false;
    const bool decides = reference(t.kind) == track;
    if (t.kind == Kind::audio && decides) segmenter_->add(t.kind, sample);
    Sample own = sample;
    if (t.kind == Kind::audio) own.pts += segmenter_->audio_shift();
    for_renditions_of(track, [&](Rendition &rendition) {
        const Result result = rendition.add(t.kind, own);
        // Warns at the first occurrence and then at powers of two, with the count.
        if (result.is_error() && t.format && (++t.broken, (t.broken & (t.broken - 1)) == 0))
            warnings_.push_back(t.name + ": dropped " + result.reason() + " (" +
                                std::to_string(t.broken) + " so far)");
        if (rendition.wants_cut()) segmenter_->cut_soon();
    });
    if (t.kind == Kind::video && decides) segmenter_->add(t.kind, std::move(sample));
    if (t.format && !reference(t.kind)) elect(t.kind);
    succeed(track);
    compare_with_reference(track);
    pump();
}

void Presentation::add_metadata(const Metadata &metadata) {
    size_t dropped = 0;
    if (is_single()) dropped = segmenter_->add_metadata(metadata);
    const auto has_video = [](const Track &track) {
        return track.kind == Kind::video && !track.is_removed && !track.has_ended;
    };
    const bool any_video = std::any_of(tracks_.begin(), tracks_.end(), has_video);
    for (const Track &track : tracks_)
        if (track.rendition && !track.is_removed && (!any_video || has_video(track)))
            dropped += slots_[*track.rendition].rendition->add_metadata(metadata);
    if (dropped > 0 && !std::exchange(has_lost_metadata_, true))
        warnings_.push_back("metadata are far ahead of the media: the oldest are dropped");
}

void Presentation::gap(size_t track, int64_t time) {
    const Track &t = tracks_[track];
    for_renditions_of(track, [&](Rendition &rendition) { rendition.gap(t.kind, time); });
    if (is_single() || reference(t.kind) == track) segmenter_->gap(t.kind, time);
    pump();
}

void Presentation::end(size_t track) {
    Track &t = tracks_[track];
    t.has_ended = true;
    for_renditions_of(track, [&](Rendition &rendition) { rendition.end(t.kind); });
    const auto is_left = [&](const Track &other) {
        return other.kind == t.kind && !other.is_removed && !other.has_ended && other.format;
    };
    if (is_single()) return segmenter_->end(t.kind);
    // All may end now, one after the other; what goes on is found by succeed().
    if (reference(t.kind) == track && (t.is_removed || !t.rendition)) {
        reference(t.kind).reset();
        elect(t.kind);
    }
    if (std::none_of(tracks_.begin(), tracks_.end(), is_left)) segmenter_->end(t.kind);
    pump();
}

void Presentation::remove(size_t track) {
    Track &t = tracks_[track];
    t.is_removed = true;
    if (is_single()) {
        segmenter_->remove(t.kind);
        tracks_[track].name.clear();
        return;
    }
    end(track);
    t.format = nullptr;
    const auto is_there = [&](const Track &other) {
        return other.kind == t.kind && !other.is_removed;
    };
    if (std::none_of(tracks_.begin(), tracks_.end(), is_there)) segmenter_->remove(t.kind);
    pump();
}

void Presentation::flush() {
    segmenter_->flush();
    for (Slot &slot : slots_) {
        if (slot.rendition) slot.rendition->flush();
        if (slot.text) slot.text->flush();
    }
    media_.reset();
}

void Presentation::finish() {
    // A kind without a reference so far gets its last chance.
    for (const Kind kind : {Kind::video, Kind::audio})
        for (size_t i = 0; i < tracks_.size() && !is_single() && !reference(kind); ++i)
            if (tracks_[i].kind == kind && tracks_[i].format) refer_to(i);
    segmenter_->finish();
    pump();
    for (Slot &slot : slots_) {
        if (slot.rendition) slot.rendition->finish();
        if (slot.text) slot.text->finish();
    }
    pump();
}

/// Hands the reference's pieces to the renditions, and takes what they have finished.
void Presentation::pump() {
    if (is_single()) return;
    Segment reference;
    while (segmenter_->take(reference)) {
        if (reference.begins && std::exchange(has_segment_, true)) ++number_;
        reference.number = number_;
        media_ = reference.place.end;
        for (Slot &slot : slots_) {
            if (slot.rendition) slot.rendition->follow(reference);
            if (slot.text) slot.text->follow(reference);
            if (slot.since) continue;
            slot.since = reference.place.begin;
            slot.since_at = now();
        }
    }
    for (size_t i = 0; i < slots_.size(); ++i)
        take_from(slots_[i], static_cast<unsigned>(i));
    update_expected();
}

/// Takes what a rendition has finished.
void Presentation::take_from(Slot &slot, unsigned number) {
    Segment segment;
    const auto take = [&](auto &rendition) {
        rendition.advance();
        while (rendition.take(segment)) {
            segment.rendition = number;
            finished_.push_back(std::move(segment));
        }
    };
    if (slot.text) return take(*slot.text);
    take(*slot.rendition);
    if (slot.rendition->wants_cut()) segmenter_->cut_soon();
}

/// 0 without a clock: nothing is given up by time then.
int64_t Presentation::now() const {
    const auto &clock = options_.segmenter.monotonic_clock;
    return clock ? clock() : 0;
}

void Presentation::update_expected() {
    if (is_single()) return;
    expected_.resize(slots_.size());
    for (const Text &text : texts_) {
        const Slot &slot = slots_[text.slot];
        const bool is_new = !slot.since || !media_ || *media_ - *slot.since <= sample_wait;
        expected_[text.slot] = {text.name, !text.is_removed && !text.has_ended && is_new, true};
    }
    for (size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i].text) continue;
        const auto track = std::find_if(tracks_.begin(), tracks_.end(),
                                        [&](const Track &t) { return t.rendition == i; });
        const Slot &slot = slots_[i];
        int64_t missed = media_ && slot.since ? *media_ - *slot.since : 0;
        // A stream that begins with a cached GOP is seconds ahead at once of what is encoded from
        // it.
        if (options_.segmenter.realtime) missed = std::min(missed, now() - slot.since_at);
        expected_[i].name = track->name;
        expected_[i].is_awaited = !track->is_removed && !track->has_ended &&
                                  missed <= (track->format ? sample_wait : stream_wait);
    }
}

bool Presentation::has_output() const {
    return !finished_.empty() || !warnings_.empty() || segmenter_->has_output();
}

bool Presentation::take(Segment &segment) {
    if (is_single()) return segmenter_->take(segment);
    if (finished_.empty()) return false;
    segment = std::move(finished_.front());
    finished_.pop_front();
    return true;
}

std::vector<std::string> Presentation::take_warnings() {
    std::vector<std::string> all = segmenter_->take_warnings();
    std::move(warnings_.begin(), warnings_.end(), std::back_inserter(all));
    warnings_.clear();
    return all;
}

Segmenter::Stats Presentation::stats() const {
    Segmenter::Stats stats = segmenter_->stats();
    if (is_single()) return stats;
    stats.samples = samples_;
    stats.dropped = 0;
    for (const Slot &slot : slots_) {
        if (slot.text) {
            stats.kept_bytes += slot.text->kept_bytes();
            stats.kept_samples += slot.text->kept_cues();
            stats.dropped += slot.text->dropped();
            continue;
        }
        stats.dropped += slot.rendition->dropped();
        stats.kept_bytes += slot.rendition->kept_bytes();
        stats.kept_samples += slot.rendition->kept_samples();
    }
    return stats;
}

void Presentation::set_realtime(bool realtime) {
    options_.segmenter.realtime = realtime;
    segmenter_->set_realtime(realtime);
    for (Slot &slot : slots_) {
        if (slot.rendition) slot.rendition->set_realtime(realtime);
        if (slot.text) slot.text->set_realtime(realtime);
    }
}

} // namespace penstock::hls
