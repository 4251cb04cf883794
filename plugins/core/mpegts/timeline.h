// SPDX-License-Identifier: LGPL-2.1-or-later
// From a program's timestamps to a continuous time in nanoseconds.
#pragma once

#include "core/timing/arrival.h"
#include "core/timing/repair.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock::mpegts {

/// The first unit of a live stream is at the time of its arrival, and the timeline stays near it:
/// what a sender has kept from long ago at the beginning, jumps of its clock and its drift do not
/// last. A file begins with its clock reference. All tracks have one timeline, in which DTS go up
/// and PTS are never less; missing ones are made. Times are ns. Not thread-safe.
class Timeline {
public:
    struct Times {
        int64_t dts = 0, pts = 0;
        bool discontinuity = false;
    };
    struct Given {
        std::optional<int64_t> pts, dts; ///< 90 kHz, unwrapped
        bool is_key = true;
        std::optional<int64_t> arrival; ///< empty: not live
        std::optional<int64_t>
            reference; ///< the program's first clock reference; 90 kHz, unwrapped
    };

    Timeline();
    /// Returns its number.
    size_t add_track(timing::Media media);
    void remove_track(size_t track);
    /// Frames of video that are displayed after a later one, at most.
    void set_reorder(size_t track, unsigned reorder);
    /// Nothing for audio and data from before the beginning, and for data without a time where
    /// nothing else has one.
    std::optional<Times> place(size_t track, const Given &given);
    /// Forgets all times: a file begins at `start` again.
    void reset(int64_t start);

    /// DTS of the newest unit of any track.
    std::optional<int64_t> newest() const { return newest_; }
    uint64_t jumps() const { return jumps_; } ///< places where the time was mended
    /// What was found out, in plain English.
    std::vector<std::string> take_notes();

private:
    struct Track {
        timing::Media media = timing::Media::audio;
        unsigned reorder = 0;
        std::optional<int64_t> last; ///< DTS
        int64_t offset = 0;          ///< that the arrival had asked for at the last unit
    };

    timing::Repair repair_;
    timing::Arrival arrival_;
    std::vector<Track> tracks_;
    std::optional<int64_t> anchor_; ///< from a unit's time to the timeline, before the repair
    std::optional<int64_t> newest_; ///< DTS of any track
    int64_t start_ = 0;
    uint64_t jumps_ = 0;
    std::vector<std::string> notes_;
};

} // namespace penstock::mpegts
