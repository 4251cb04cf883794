// SPDX-License-Identifier: LGPL-2.1-or-later
// Repairs the timestamps of one or several tracks that belong together.
#pragma once

#include "core/timing/decode_order.h"
#include "core/timing/drift.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace penstock::timing {

/// What happens to a hole in all tracks.
enum class Gap {
    mark,  ///< it stays, and the frame behind it is discontinuous
    close, ///< what follows moves forward
};

/// All in ns.
struct Limits {
    Gap gap = Gap::mark;
    int64_t max_gap = 1'000'000'000;    ///< a longer pause behind a frame is a hole
    int64_t max_jump = 60'000'000'000;  ///< a longer hole is a jump of the sender's clock
    int64_t max_backward = 100'000'000; ///< a longer step back is a jump
    int64_t max_skew = 2'000'000'000;   ///< tracks that begin further apart have unrelated clocks
    int64_t max_drift = 500'000'000;    ///< more is taken out slowly; 0: never
};

enum class Media { video, audio, sparse };

struct Format {
    Media media = Media::audio;
    unsigned reorder = 0; ///< video: frames that are displayed after a later one, at most
    unsigned fps_num = 0; ///< frames per second; 0: unknown or variable
    unsigned fps_den = 1;
    bool is_split = false; ///< frames come in several pieces with the same timestamps
};

/// A frame's timestamps, ns.
struct Stamps {
    std::optional<int64_t> dts, pts;
    std::optional<int64_t> duration;
};

/// How a frame came.
struct Delivery {
    /// On a steady clock, ns; empty if the source is not live.
    std::optional<int64_t> arrival;
    /// The thread: in a file, the order of tracks means something within one thread only.
    uint64_t thread = 0;
    /// A decoder can start with it.
    bool is_key = true;
};

struct Repaired {
    Stamps stamps;
    bool discont = false;
    /// Where the hole in front of the frame begins; it ends at the frame.
    std::optional<int64_t> hole_from;
};

/// What was found; counted in this order in TrackStats.
enum class Trouble { jump, gap, wrap, skew, drift, order, missing, composition };
const char *name_of(Trouble trouble);

/// A report in plain English.
struct Note {
    Trouble trouble;
    size_t track;
    int64_t amount; ///< ns
    std::string text;
    uint64_t count; ///< of this trouble in this track
};

struct TrackStats {
    uint64_t frames = 0, repaired = 0;
    uint64_t troubles[8] = {};
    int64_t offset = 0; ///< added to the track's timestamps now, ns
    int64_t drift = 0;  ///< against the reference track, as last measured, ns
    uint64_t count(Trouble trouble) const { return troubles[size_t(trouble)]; }
};

/// All tracks have one timeline. Healthy timestamps pass unchanged. A DTS is always greater than
/// the one before in its track, and never greater than the frame's PTS. A jump moves all tracks by
/// the same offset, whichever jumps first. Nothing is held back. Not thread-safe.
class Repair {
public:
    void set_limits(const Limits &limits) { limits_ = limits; }
    /// Returns the track's index.
    size_t add_track();
    void remove_track(size_t index);
    void set_format(size_t index, const Format &format);
    /// Forgets all times, after a flush.
    void reset();

    Repaired frame(size_t index, const Stamps &in, const Delivery &delivery);
    /// The track has nothing from `from` to `to`. Returns `from` as repaired, or nothing if the gap
    /// makes no sense.
    std::optional<int64_t> gap(size_t index, int64_t from, int64_t to, const Delivery &delivery);
    /// The track has ended.
    void end(size_t index);

    bool has_notes() const { return !notes_.empty(); }
    std::vector<Note> take_notes();
    const TrackStats &stats(size_t index) const { return tracks_[index].stats; }

private:
    struct Track {
        Format format;
        bool used = false;           ///< not removed
        bool running = false;        ///< has frames on a line
        bool sent = false;           ///< `out` is valid
        bool has_dts = false;        ///< its frames have decoding times
        bool has_pts = false;        ///< its frames have display times
        int64_t wrap = 0;            ///< added to timestamps because they have wrapped
        int64_t in = 0;              ///< the last decoding time, with wraps
        int64_t covered = 0;         ///< up to where the last frame, or a gap event, reaches
        int64_t step = 0;            ///< between the last two frames; 0: unknown
        int64_t shift = 0;           ///< from `in` to the output
        int64_t skew = 0;            ///< the part of `shift` that is its own
        int64_t lower = 0;           ///< by which decoding times are too late
        int64_t key_composition = 0; ///< PTS minus DTS of the last keyframe
        int64_t out = 0;             ///< the last decoding time, repaired
        /// The last display times of video, repaired; a ring.
        std::array<int64_t, DecodeOrder::max_depth + 1> recent{};
        int64_t shown = 0;    ///< up to where all frames are displayed, repaired
        unsigned line = 0;    ///< the jump that it has followed
        int64_t anchor = 0;   ///< the last decoding time that was given, and
        uint64_t untimed = 0; ///< the number of frames since
        Delivery delivery;    ///< of the last frame
        DecodeOrder order;
        // Drift against the reference track.
        DriftGauge gauge;
        uint64_t compared = 0; ///< frames of the reference when last measured
        int64_t to_slew = 0;   ///< drift that is still to be taken out
        TrackStats stats;
    };
    /// A frame's times before they are placed.
    struct Times {
        int64_t dts = 0;
        std::optional<int64_t> pts;
        int64_t duration = 0;
        bool filled = false;
    };
    enum class Step { progress, same, hole, jump };

    // repair.cpp
    Times times_of(size_t index, const Stamps &in, const Delivery &delivery);
    int64_t untimed(Track &track);
    int64_t nominal(const Track &track) const;
    void unwrap(size_t index, int64_t &time, const Delivery &delivery);
    void mend_composition(size_t index, Times &times);
    static bool make_unique(Track &track, int64_t &pts);
    void note(Trouble trouble, size_t index, int64_t amount, std::string text);
    std::string name(size_t index) const;

    // repair_place.cpp
    Step step_of(size_t index, const Times &times, const Delivery &delivery) const;
    bool is_pause(size_t index, int64_t to, const Delivery &delivery) const;
    /// Moves the track to where its timestamps belong after a jump, or in the beginning.
    void place(size_t index, const Times &times, const Delivery &delivery);
    void join(size_t index, const Track &other, const Times &times, const Delivery &delivery);
    void begin_line(size_t index, const Times &times, const Delivery &delivery);
    const Track *newest_other(size_t index) const;
    void measure_drift(size_t index);
    void slew(size_t index, int64_t step);
    std::optional<size_t> reference() const;

    Limits limits_;
    std::deque<Track> tracks_;
    std::vector<Note> notes_;
    unsigned lines_ = 0;
    int64_t line_shift_ = 0; ///< of the newest line, without a track's skew
    int64_t line_first_ = 0; ///< the first decoding time of the newest line, before the shift
    std::optional<int64_t> line_arrival_;
};

} // namespace penstock::timing
