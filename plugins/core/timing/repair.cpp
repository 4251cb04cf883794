// SPDX-License-Identifier: LGPL-2.1-or-later
// From given timestamps to complete ones, and from placed ones to the output. repair_place.cpp
// handles jumps, gaps, tracks that belong together, and drift.
#include "core/timing/repair.h"

#include "core/timing/bounded.h"
#include "core/timing/unwrap.h"

#include <algorithm>
#include <utility>

namespace penstock::timing {
namespace {

constexpr int64_t second = 1'000'000'000;
/// Between decoding times that would otherwise be equal; it survives rounding to milliseconds.
constexpr int64_t least_step = 1'000'000;
/// A PTS further from its DTS is wrong.
constexpr int64_t max_composition = 10 * second;
constexpr int64_t longest_duration = 3600 * second;
} // namespace

const char *name_of(Trouble trouble) {
    static constexpr const char *names[] = {"jump",  "gap",   "wrap",    "skew",
                                            "drift", "order", "missing", "composition"};
    return names[size_t(trouble)];
}

size_t Repair::add_track() {
    const auto free = std::find_if(tracks_.begin(), tracks_.end(),
                                   [](const Track &track) { return !track.used; });
    const auto index = size_t(free - tracks_.begin());
    if (free == tracks_.end()) tracks_.emplace_back();
    tracks_[index] = {};
    tracks_[index].used = true;
    return index;
}

void Repair::remove_track(size_t index) {
    tracks_[index] = {};
}

void Repair::set_format(size_t index, const Format &format) {
    Track &track = tracks_[index];
    if (!track.running) track.order.reset();
    track.format = format;
    track.order.set_depth(format.media == Media::video ? format.reorder : 0);
    if (const int64_t frame = nominal(track); frame > 0) track.order.set_frame(frame);
}

void Repair::reset() {
    for (Track &track : tracks_) {
        Track fresh;
        fresh.format = track.format;
        fresh.used = track.used;
        fresh.stats = track.stats;
        fresh.order = track.order;
        fresh.order.reset();
        track = std::move(fresh);
    }
    lines_ = 0;
    line_shift_ = 0;
    line_arrival_.reset();
}

void Repair::end(size_t index) {
    tracks_[index].running = false;
}

std::vector<Note> Repair::take_notes() {
    return std::exchange(notes_, {});
}

void Repair::note(Trouble trouble, size_t index, int64_t amount, std::string text) {
    uint64_t &count = ++tracks_[index].stats.troubles[size_t(trouble)];
    if (notes_.size() < 16) notes_.push_back({trouble, index, amount, std::move(text), count});
}

std::string Repair::name(size_t index) const {
    switch (tracks_[index].format.media) {
    case Media::video:
        return "video";
    case Media::audio:
        return "audio";
    case Media::sparse:
        break;
    }
    return "stream";
}

/// ns from one frame to the next; 0 if that is unknown.
int64_t Repair::nominal(const Track &track) const {
    if (track.format.fps_num > 0)
        return int64_t(uint64_t(second) * track.format.fps_den / track.format.fps_num);
    return track.step;
}

/// The time of a frame without any, counted from the last frame that had one: exact at any rate.
int64_t Repair::untimed(Track &track) {
    const uint64_t n = ++track.untimed;
    if (track.format.fps_num == 0) return add(track.in, std::max(track.step, least_step));
    const uint64_t units = n * track.format.fps_den, rate = track.format.fps_num;
    return add(track.anchor, int64_t(units / rate * second + units % rate * second / rate));
}

void Repair::unwrap(size_t index, int64_t &time, const Delivery &delivery) {
    Track &track = tracks_[index];
    time = add(time, track.wrap);
    if (!track.running) return;
    const int64_t waited = delivery.arrival && track.delivery.arrival
                               ? std::max<int64_t>(*delivery.arrival - *track.delivery.arrival, 0)
                               : 0;
    const int64_t forward = 10 * second + std::min(waited, longest_duration);
    const auto by = wrap_in(add(time, -track.in), 2 * second, forward);
    if (!by || std::abs(track.wrap + *by) > time_limit / 4) return;
    time += *by;
    // A late frame from before the wrap is no second wrap.
    if (*by > 0)
        note(Trouble::wrap, index, *by,
             name(index) + " timestamps wrapped after " + std::to_string(*by / (3600 * second)) +
                 " h: carried on");
    track.wrap += *by;
}

/// The frame's decoding time, which decides about everything else, and what is missing.
Repair::Times Repair::times_of(size_t index, const Stamps &in, const Delivery &delivery) {
    Track &track = tracks_[index];
    const bool video = track.format.media == Media::video;
    Times times;
    times.duration = std::clamp<int64_t>(in.duration.value_or(0), 0, longest_duration);
    auto dts = video ? in.dts : std::optional<int64_t>();
    auto pts = in.pts;
    if (!video && !pts) pts = in.dts;
    if (dts) *dts = bounded(*dts);
    if (pts) *pts = bounded(*pts);
    if (dts) {
        track.has_dts = true;
        unwrap(index, *dts, delivery);
        if (pts) {
            *pts = add(*pts, track.wrap);
            // The two may wrap one after the other.
            if (const auto by = wrap_in(add(*pts, -*dts), max_composition, max_composition))
                *pts += *by;
        }
    } else if (pts) {
        unwrap(index, *pts, delivery);
        if (!video) {
            dts = pts;
        } else if (!track.has_dts) {
            dts = track.order.next(*pts);
            times.filled = track.order.depth() > 0;
        } else {
            // Of some demuxers, a frame whose DTS is its PTS has no DTS.
            const int64_t next = add(track.in, std::max(nominal(track), least_step));
            const bool fits = !track.running || (*pts > track.in && *pts <= next + limits_.max_gap);
            dts = fits ? *pts : next;
            times.filled = true;
        }
    }
    if (!dts) {
        dts = track.running ? untimed(track) : 0;
        note(Trouble::missing, index, 0, name(index) + " frames without timestamps: counted on");
        times.filled = true;
    } else {
        track.untimed = 0;
        track.anchor = *dts;
        if (track.has_dts && video && !in.pts)
            note(Trouble::missing, index, 0, name(index) + " frames without a PTS");
        else if (times.filled && track.stats.count(Trouble::missing) == 0)
            note(Trouble::missing, index, 0,
                 name(index) + " frames without a DTS: made of the PTS");
    }
    times.dts = *dts;
    times.pts = pts;
    if (times.pts) {
        track.has_pts = true;
        if (delivery.is_key) track.key_composition = add(*times.pts, -times.dts);
    } else if (!video || track.format.reorder == 0) {
        times.pts = times.dts;
        times.filled = true;
    } else if (track.has_pts) {
        // Of a single one; in a stream of such frames only a decoder knows the order of display.
        times.pts = add(times.dts, delivery.is_key ? track.key_composition : 0);
        times.filled = true;
    }
    return times;
}

/// A frame can't be displayed before it is decoded. Where the stream says so, decoding times are
/// too late, by the same amount in the whole stream: composition offsets that may be negative.
void Repair::mend_composition(size_t index, Times &times) {
    Track &track = tracks_[index];
    if (!times.pts || track.format.media != Media::video) return;
    const int64_t composition = add(*times.pts, -times.dts);
    if (composition < -max_composition || composition > max_composition) {
        note(Trouble::composition, index, composition,
             "video frames are displayed " + std::to_string(composition / 1'000'000) +
                 " ms after they are decoded: displayed at once");
        times.pts = times.dts - track.lower;
        return;
    }
    if (composition + track.lower >= 0) return;
    note(Trouble::composition, index, composition,
         "video frames are displayed " + std::to_string(-composition / 1'000'000) +
             " ms before they are decoded: decoded earlier");
    track.lower = -composition;
}

/// Two frames can't be displayed at the same time: parsers drop the time of the second. Returns
/// true if it was moved.
bool Repair::make_unique(Track &track, int64_t &pts) {
    const int64_t given = pts;
    const auto is_taken = [&] {
        return track.sent &&
               std::find(track.recent.begin(), track.recent.end(), pts) != track.recent.end();
    };
    while (is_taken())
        pts += least_step;
    if (!track.sent) track.recent.fill(pts);
    track.recent[track.stats.frames % track.recent.size()] = pts;
    return pts != given;
}

Repaired Repair::frame(size_t index, const Stamps &in, const Delivery &delivery) {
    Track &track = tracks_[index];
    ++track.stats.frames;
    Repaired result;
    if (track.format.is_split && !in.dts && !in.pts) {
        result.stamps = in;
        return result;
    }
    Times times = times_of(index, in, delivery);
    Step step = track.running ? step_of(index, times, delivery) : Step::jump;
    bool moved = false;
    if (step == Step::hole) {
        const int64_t length = add(times.dts, -track.covered);
        note(Trouble::gap, index, length,
             name(index) + " has a gap of " + std::to_string(length / 1'000'000) + " ms");
        result.hole_from = std::max(track.shown, track.out);
        result.discont = true;
    } else if (step == Step::jump) {
        result.discont = track.running && limits_.gap == Gap::mark;
        const int64_t composition = times.pts ? add(*times.pts, -times.dts) : 0;
        place(index, times, delivery);
        // Wraps are counted anew.
        times.dts = track.in;
        if (times.pts) times.pts = add(times.dts, composition);
    } else if (step == Step::progress && times.dts > track.in) {
        slew(index, times.dts - track.in);
        if (!times.filled || track.step == 0) track.step = times.dts - track.in;
    }
    mend_composition(index, times);

    int64_t dts = add(times.dts - track.lower, track.shift);
    if (step == Step::same) {
        dts = track.out;
    } else if (track.sent && dts <= track.out) {
        if (track.lower == 0 || dts <= track.out - track.lower)
            note(Trouble::order, index, track.out - dts,
                 name(index) + " timestamps that do not increase: moved behind the last");
        dts = track.out + least_step;
        moved = true;
    }
    auto pts = times.pts;
    if (pts) {
        *pts = add(*pts, track.shift);
        moved |= *pts < dts;
        *pts = std::max(*pts, dts);
        if (step != Step::same && track.format.media == Media::video)
            moved |= make_unique(track, *pts);
    }
    if (times.duration == 0) times.duration = std::min(nominal(track), longest_duration);
    if (track.lower != 0 || moved || times.filled) ++track.stats.repaired;

    track.in = times.dts;
    const int64_t end = add(times.dts, times.duration);
    track.covered = step == Step::jump ? end : std::max(track.covered, end);
    track.out = dts;
    const int64_t shown = add(pts.value_or(dts), times.duration);
    track.shown = step == Step::jump ? shown : std::max(track.shown, shown);
    track.delivery = delivery;
    track.running = track.sent = true;
    track.stats.offset = track.shift;
    measure_drift(index);

    const bool with_dts = track.format.media == Media::video || in.dts;
    if (with_dts) result.stamps.dts = dts;
    result.stamps.pts = pts;
    if (times.duration > 0) result.stamps.duration = times.duration;
    return result;
}

std::optional<int64_t> Repair::gap(size_t index, int64_t from, int64_t to,
                                   const Delivery &delivery) {
    Track &track = tracks_[index];
    Times times;
    from = bounded(from);
    times.dts = add(from, track.wrap);
    times.pts = times.dts;
    const int64_t length = std::clamp<int64_t>(add(bounded(to), -from), 0, longest_duration);
    if (!track.running) {
        place(index, times, delivery);
        times.dts = track.covered = track.in;
        track.running = true;
    } else if (const Step step = step_of(index, times, delivery); step == Step::jump) {
        return std::nullopt;
    }
    track.covered = std::max(track.covered, add(times.dts, length));
    track.delivery = delivery;
    const int64_t out = add(times.dts, track.shift);
    return track.sent ? std::max(out, track.out) : out;
}

} // namespace penstock::timing
