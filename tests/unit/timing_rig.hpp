// SPDX-License-Identifier: LGPL-2.1-or-later
// One or two tracks whose timestamps are repaired, and what holds for whatever they send.
#pragma once

#include "core/timing/repair.h"

#include "check.hpp"

namespace timing_rig {

using namespace penstock::timing;

inline constexpr int64_t ms = 1'000'000;
inline constexpr int64_t sec = 1000 * ms;
inline constexpr int64_t hour = 3600 * sec;
inline constexpr int64_t frame = 40 * ms, audio_frame = 20 * ms;

inline Format video(unsigned reorder = 0) {
    Format format;
    format.media = Media::video;
    format.reorder = reorder;
    return format;
}

/// One or two tracks. Every output is held against what holds for any input.
struct Rig {
    explicit Rig(bool with_audio = true, const Limits &limits = {}) {
        repair.set_limits(limits);
        tracks.push_back(repair.add_track());
        repair.set_format(tracks[0], video());
        if (with_audio) tracks.push_back(repair.add_track());
    }
    Repaired put(size_t track, const Stamps &in, std::optional<int64_t> arrival = {},
                 uint64_t thread = 1) {
        const Repaired out = repair.frame(tracks[track], in, {arrival, thread});
        const auto time = track == 0 ? out.stamps.dts : out.stamps.pts;
        if (time) {
            fail_unless(!last[track] || *time > *last[track], "track %d: %ld ms after %ld ms",
                        int(track), long(*time / ms), long(*last[track] / ms));
            last[track] = time;
        }
        if (out.stamps.pts && out.stamps.dts) fail_unless(*out.stamps.pts >= *out.stamps.dts);
        for (Note &note : repair.take_notes())
            notes.push_back(std::move(note));
        return out;
    }
    int64_t v(int64_t time, std::optional<int64_t> arrival = {}) {
        return *put(0, {time, time, frame}, arrival).stamps.dts;
    }
    int64_t a(int64_t time, std::optional<int64_t> arrival = {}) {
        return *put(1, {{}, time, audio_frame}, arrival).stamps.pts;
    }
    /// Healthy media from `from` to `to`, interleaved.
    void run(int64_t from, int64_t to, int64_t video_by = 0, int64_t audio_by = 0) {
        for (int64_t t = from; t < to; t += audio_frame) {
            if ((t - from) % frame == 0) v(t + video_by);
            if (tracks.size() > 1) a(t + audio_by);
        }
    }
    size_t count(Trouble trouble) const {
        return size_t(std::count_if(notes.begin(), notes.end(),
                                    [&](const Note &note) { return note.trouble == trouble; }));
    }
    const TrackStats &stats(size_t track) const { return repair.stats(tracks[track]); }

    Repair repair;
    std::vector<size_t> tracks;
    std::optional<int64_t> last[2];
    std::vector<Note> notes;
};

inline Limits closing() {
    Limits limits;
    limits.gap = Gap::close;
    return limits;
}

} // namespace timing_rig
