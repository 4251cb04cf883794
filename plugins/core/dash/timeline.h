// SPDX-License-Identifier: LGPL-2.1-or-later
// The Periods of a live stream, found from its segments as they come. ISO/IEC 23009-1, 5.3.2 and
// 5.3.9. Neither I/O nor clocks.
#pragma once

#include "core/dash/mpd.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace penstock::dash {

/// A segment of one rendition, or what there is of it; times in ns.
struct Piece {
    std::string rendition;
    uint64_t number = 0;            ///< the same in all renditions
    std::string init;               ///< name of the init segment that it needs; empty: none
    std::string codecs;             ///< RFC 6381
    unsigned width = 0, height = 0; ///< of video
    int64_t begin = 0, end = 0;     ///< on the media's timeline; `end` so far
    bool is_complete = true;
    bool discontinuity = false;  ///< does not continue the one before
    std::optional<int64_t> date; ///< ms since 1970 of its first frame
    bool independent = true;     ///< begins with a keyframe
    bool operator==(const Piece &) const = default;
};

/// A Period begins at each discontinuity, where a rendition begins or has stopped, where segments
/// are missing, and where media and wall clock have come apart. Its segments are addressed by
/// their number, in one of two ways:
///
/// - by a duration that all of them have (SegmentTemplate@duration). That is what players with low
///   latency want, since the segment that is being made needs no mention. Where a segment begins
///   more than a tolerance beside its place, the next Period continues this one with a duration
///   that fits better.
/// - by a SegmentTimeline, which has each one's time: without low latency, and where durations
///   differ so much that Periods would be short.
///
/// A Period is shown once all renditions that are expected in it have begun, and its segments'
/// duration is known. Not thread-safe.
class Timeline {
public:
    struct Options {
        bool has_parts = false;            ///< segments can be read while they are made
        int64_t tolerance = 100'000'000;   ///< ns by which a segment may begin beside its place
        int64_t clock_drift = 600'000'000; ///< ns by which media and wall clock may differ
        /// Segments that a Period by duration has at least; after a shorter one, which ended
        /// because its segments differ, it is a SegmentTimeline.
        uint64_t least_run = 10;
    };
    struct Member {
        std::string rendition, init, codecs;
        unsigned width = 0, height = 0;
        bool operator==(const Member &) const = default;
    };
    struct Shown {
        uint64_t id = 0;
        int64_t start = 0;                 ///< ns since available_since()
        std::optional<int64_t> duration;   ///< ns; of all but the last
        std::optional<uint64_t> continues; ///< id of the Period that it continues
        std::optional<int64_t> date;       ///< ms since 1970
        bool independent = true;           ///< all segments begin with keyframes
        Addressing addressing;             ///< without `early`
        std::vector<Member> members;
    };

    explicit Timeline(Options options) : options_(options) {}

    /// Pieces of a segment may come more than once, each time with more; those of the renditions
    /// in any order, with numbers that do not decrease by more than one.
    void add(const Piece &piece);
    /// The segments before this number are not offered any more.
    void remove_before(uint64_t number);
    /// No media comes at the moment: what follows begins a Period.
    void interrupt() { interrupted_ = true; }

    /// ms since 1970 at which the first Period begins; nullopt: there is none.
    std::optional<int64_t> available_since() const { return available_since_; }
    /// The Periods that the MPD can list. `ended`: nothing follows, so the last has a duration,
    /// too.
    std::vector<Shown> shown(bool ended) const;
    /// ns of the segments that are complete or being made: the longest, and the last Period's.
    int64_t longest() const { return longest_; }
    int64_t usual() const;

private:
    struct Segment {
        uint64_t number = 0;
        int64_t begin = 0, end = 0;
        bool is_complete = false;
    };
    struct Period {
        uint64_t id = 0;
        uint64_t first = 0;   ///< number of its first segment
        int64_t begin = 0;    ///< ns, of the media
        int64_t start = 0;    ///< ns since available_since_
        int64_t duration = 0; ///< ns of each segment; 0: not known yet
        bool is_list = false; ///< a SegmentTimeline
        bool is_guess = true; ///< `duration` is not measured
        bool independent = true;
        std::optional<uint64_t> continues;
        std::optional<int64_t> date;
        std::vector<Member> members;
        std::vector<std::string> expected; ///< renditions without which it is not shown
        std::deque<Segment> segments;      ///< those that are offered
        uint64_t last = 0;                 ///< number of the last segment
        int64_t end = 0;                   ///< of the media so far; ns
    };
    void begin_period(const Piece &piece, bool continuous);
    bool continues(const Piece &piece) const;
    bool is_ready(const Period &period) const;
    uint64_t seen(const std::string &rendition) const;
    void join(Period &period, const Piece &piece);
    static bool is_off(const Period &period, const Piece &piece, int64_t tolerance);
    static bool has_drifted(const Period &period, const Piece &piece, int64_t drift);
    std::vector<Span> list(const Period &period) const;

    const Options options_;
    std::deque<Period> periods_;
    std::vector<std::pair<std::string, uint64_t>> seen_; ///< last segment of each rendition
    std::optional<int64_t> available_since_;
    uint64_t next_id_ = 0;
    int64_t longest_ = 0;
    bool interrupted_ = false;
    bool cut_soon_ = false; ///< a rendition has begun inside the Period
};

/// 1/90000 s of ns.
int64_t to_ticks(int64_t nanoseconds);

} // namespace penstock::dash
