// SPDX-License-Identifier: LGPL-2.1-or-later
// Media Presentation Descriptions as text. ISO/IEC 23009-1; DASH-IF IOP, low latency.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::dash {

/// The timescale of every SegmentTemplate: units in a second.
inline constexpr int64_t timescale = 90'000;

/// `S` of a SegmentTimeline, repeated `count` times; 1/90000 s.
struct Span {
    int64_t time = 0, duration = 0;
    uint64_t count = 1;
};

/// Numbers and times of a Period's segments; the same for all of its representations.
struct Addressing {
    uint64_t start_number = 0;
    int64_t offset = 0;         ///< presentationTimeOffset, 1/90000 s
    int64_t duration = 0;       ///< of every segment, 1/90000 s; 0: they are in `timeline`
    std::vector<Span> timeline; ///< from start_number on
    /// ns by which segments are there before they are complete (availabilityTimeOffset, with
    /// availabilityTimeComplete=false): they are sent in chunks while they are made. 0: not so.
    int64_t early = 0;
};

struct Representation {
    std::string id;
    std::string init;               ///< URL of its init segment; empty: it needs none
    std::string media;              ///< URL template of its segments, with $Number$
    std::string mime_type;          ///< "video/mp4"
    std::string codecs;             ///< RFC 6381; empty: not stated
    uint64_t bandwidth = 0;         ///< bit/s
    unsigned width = 0, height = 0; ///< 0: no video, or not known
    unsigned frame_rate = 0;        ///< frames in 1000 s; 0: not known
    unsigned channels = 0;          ///< of audio; 0: not known
};

/// Representations among which a player changes while it plays.
struct AdaptationSet {
    unsigned id = 0; ///< the same in all Periods that continue one another
    bool is_video = true;
    bool starts_with_keyframes = true;
    bool is_main = false;        ///< Role main: what is played unless another one is chosen
    std::string language, label; ///< BCP 47; a title. Empty: not stated
    std::vector<Representation> representations;
};

struct Period {
    std::string id;
    int64_t start = 0;               ///< ns since Mpd::available_since
    std::optional<int64_t> duration; ///< ns; absent: until the next one, or not known
    std::string continues;           ///< id of the Period that it continues; empty: none
    std::optional<int64_t> date;     ///< ms since 1970 at which its first frame was captured
    Addressing addressing;
    std::vector<AdaptationSet> sets;
};

struct Mpd {
    bool is_static = false;
    int64_t available_since = 0; ///< availabilityStartTime, ms since 1970
    int64_t published = 0;       ///< publishTime, ms since 1970
    int64_t update_period = 0;   ///< ns; 0: it will not change any more
    int64_t buffer_depth = 0;    ///< timeShiftBufferDepth, ns; 0: all since the beginning
    int64_t longest_segment = 0; ///< ns; 0: not stated
    int64_t min_buffer = 0;      ///< ns
    int64_t suggested_delay = 0; ///< ns; 0: not stated
    int64_t latency = 0;         ///< ns that players should be behind capture; 0: not stated
    int64_t duration = 0;        ///< ns, of all Periods; 0: not known
    std::string clock;           ///< URL that answers with the time (UTCTiming); empty: none
    bool clock_is_date = false;  ///< it answers in its Date header, else in its body
    std::string query;           ///< "session=1f…" at the end of all URLs; empty: none
    std::vector<Period> periods;
};

/// Writes it as text. Control characters that XML can't express are left out.
std::string write(const Mpd &mpd);

/// "PT12.5S" of ns, to the microsecond.
std::string format_duration(int64_t nanoseconds);

} // namespace penstock::dash
