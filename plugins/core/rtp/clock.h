// SPDX-License-Identifier: LGPL-2.1-or-later
// Times of RTP: its ticks, NTP's times, and the receiver's timeline of tracks that belong together.
#pragma once

#include "core/rtp/rtcp.h"
#include "core/rtp/sequence.h"

#include <cstddef>
#include <vector>

namespace penstock::rtp {

/// Ticks of a clock in `time` ns, rounded down. `rate`: 1 to 1,000,000,000 in a second.
constexpr int64_t ticks_of(int64_t time, uint32_t rate) {
    constexpr int64_t second = 1'000'000'000;
    const int64_t rest = (time % second + second) % second;
    return (time - rest) / second * rate + rest * rate / second;
}
/// ns of `ticks`, rounded down.
constexpr int64_t nanoseconds_of(int64_t ticks, uint32_t rate) {
    constexpr int64_t second = 1'000'000'000;
    const int64_t rest = (ticks % rate + rate) % rate;
    return (ticks - rest) / rate * second + rest * second / rate;
}

/// The 32.32 bits of NTP for `time` in ns since 1970, and back. Times from 1968 to 2104.
uint64_t ntp_of(int64_t time);
int64_t unix_time_of(uint64_t ntp);
/// The middle 32 bits, as reports have them: 2^-16 s.
constexpr uint32_t compact_ntp(uint64_t ntp) {
    return static_cast<uint32_t>(ntp >> 16);
}

/// Puts the tracks of one sender onto the receiver's clock. A track begins at the arrival of its
/// first packet and goes on with its timestamps; it slowly follows the packets that arrive
/// earliest, since no two clocks run equally fast. With sender reports of two tracks the later
/// track follows the first instead, so that both are as synchronous as the sender says. Times are
/// ns of the steady clock that arrivals are told in. Not thread-safe.
class MediaClock {
public:
    /// A step of timestamps that is longer than the time that passed, or back, by more than this is
    /// a jump; ns.
    static constexpr int64_t max_step = 2'000'000'000;
    /// A track that is ahead, or behind, by more than this begins anew at the arrival; ns.
    static constexpr int64_t max_ahead = 60'000'000'000, max_behind = 10'000'000'000;
    /// The earliest packet of a window decides about drift; ns.
    static constexpr int64_t window = 2'000'000'000;
    /// A track whose packets came later than this throughout a window has lost time, and steps
    /// forward; ns.
    static constexpr int64_t max_late = 500'000'000;
    /// A difference to the first track that is larger is no skew, but wrong reports; ns.
    static constexpr int64_t max_skew = 2'000'000'000;
    /// A skew that is larger is mended at once, a smaller one by 1 % of the time that passes; ns.
    static constexpr int64_t max_slew = 100'000'000;

    struct Stamp {
        int64_t time = 0;
        /// The time does not follow the last one's as the timestamps do; it may even be earlier.
        bool jumped = false;
    };

    /// Returns the new track's index. `rate`: ticks in a second, as in ticks_of(). Where there is
    /// video, it should be first, because its frames can't be stretched.
    size_t add_track(uint32_t rate);
    /// The time of a packet with `timestamp`. Packets are in order; timestamps need not be, as with
    /// B-frames.
    Stamp stamp(size_t track, uint32_t timestamp, int64_t arrival);
    /// A report of the track's SSRC. One with an NTP time of 0, or far from the packets, is
    /// ignored.
    void sender_report(size_t track, uint64_t ntp, uint32_t timestamp);
    /// The track goes on with another SSRC: with other timestamps, and without reports.
    void restart(size_t track);
    /// ns since 1970 by the sender's clock; empty without a report.
    std::optional<int64_t> sender_time(size_t track, uint32_t timestamp) const;

private:
    struct Report {
        int64_t time = 0; ///< ns since 1970
        int64_t ticks = 0;
        unsigned epoch = 0;
    };
    struct Track {
        uint32_t rate = 1;
        Unwrapper<uint32_t> unwrapper;
        bool begun = false;
        int64_t anchor_ticks = 0, anchor = 0;   ///< a moment in ticks, and ns
        int64_t ticks = 0, arrival = 0;         ///< of the last packet
        int64_t latest = INT64_MIN;             ///< the latest time that was told
        int64_t window_begin = 0, lateness = 0; ///< the least of the window
        int64_t correction = 0;                 ///< ns still to be added
        bool jumped = false;                    ///< to be told with the next stamp
        std::optional<Report> report;

        int64_t time_of(int64_t at) const {
            return anchor + nanoseconds_of(at - anchor_ticks, rate);
        }
        bool has_jumped(int64_t now_ticks, int64_t now) const;
        bool is_near(int64_t report_ticks) const;
        void begin(int64_t now_ticks, int64_t now);
        void slew(int64_t passed);
        void correct(int64_t by);
    };
    void end_window(size_t index);
    void follow_arrivals(Track &track);
    std::optional<int64_t> skew_of(size_t index) const;

    std::vector<Track> tracks_;
    unsigned epoch_ = 0; ///< reports of another one are from before the sender's clock was set
};

} // namespace penstock::rtp
