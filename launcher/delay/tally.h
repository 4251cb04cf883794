// SPDX-License-Identifier: LGPL-2.1-or-later
// What a client of a stream writes down as pictures pass: stamps, hops, and the times on their way.
#pragma once

#include "delay/measured.h"

#include <gst/gst.h>

#include <map>
#include <mutex>

namespace penstock::delay {

/// Any thread's.
class Tally {
public:
    /// What comes before `warm_up` (ns) after the first picture does not count.
    Tally(bool is_paced, int64_t warm_up, int64_t clock_offset);

    bool is_paced() const { return is_paced_; }
    /// Nanoseconds that this machine's clock is ahead; the elements that read it take them off.
    int64_t clock_offset() const { return clock_offset_; }
    /// Monotonic, µs; 0 before it.
    int64_t first_picture() const;
    Measured measured() const;

    /// False if there is a stream already: one is measured.
    bool begin(const char *codec);
    void note_size(int width, int height);
    void note_segment(int64_t longest);
    /// An encoded picture has come.
    void note_encoded(GstBuffer *buffer);
    /// It goes into the decoder, has come out of it, is where its stamp is read.
    enum class Place { decoding, decoded, read };
    void note_place(GstClockTime pts, Place place);
    /// Messages of latencyread and latencysei.
    void note_picture(const GstStructure *message);
    void note_hops(const GstStructure *message);

private:
    bool counts(int64_t now) const { return first_ && (now - first_) * 1000 >= warm_up_; }

    const bool is_paced_;
    const int64_t warm_up_, clock_offset_;
    const int64_t started_; ///< monotonic, µs

    mutable std::mutex lock_; ///< guards what follows
    int64_t first_ = 0;       ///< monotonic, µs; 0: no picture yet
    Measured measured_;
    bool has_caught_up_ = false;
    struct {
        guint64 lost = 0, unreadable = 0, repeated = 0, read = 0;
        bool is_set = false;
    } before_; ///< the counters when what counts began
    GstClockTime lowest_ = GST_CLOCK_TIME_NONE, highest_ = 0, keyframe_ = GST_CLOCK_TIME_NONE;
    uint64_t timed_ = 0;
    struct Times {
        int64_t came = 0, decoding = 0, decoded = 0; ///< monotonic, µs; 0: not yet
    };
    std::map<GstClockTime, Times> on_the_way_; ///< by the pictures' own times
};

} // namespace penstock::delay
