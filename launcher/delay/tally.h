// SPDX-License-Identifier: LGPL-2.1-or-later
// Collects a client's measurements: stamps, hops and the times at which frames pass.
#pragma once

#include "delay/measured.h"

#include <gst/gst.h>

#include <map>
#include <mutex>

namespace penstock::delay {

/// Thread-safe.
class Tally {
public:
    /// Samples are ignored until `warm_up` ns after the first frame.
    Tally(bool is_paced, int64_t warm_up, int64_t clock_offset);

    bool is_paced() const { return is_paced_; }
    /// ns by which this machine's clock is ahead; the elements that read stamps subtract it.
    int64_t clock_offset() const { return clock_offset_; }
    /// Time of the first frame; monotonic, µs; 0: none yet.
    int64_t first_picture() const;
    Measured measured() const;

    /// Called for each video stream. Returns false if another is already being measured.
    bool begin(const char *codec);
    void note_size(int width, int height);
    void note_segment(int64_t longest);
    /// An encoded frame has arrived.
    void note_encoded(GstBuffer *buffer);
    /// Stages of a frame: entering the decoder, leaving it, reaching the element that reads its
    /// stamp.
    enum class Place { decoding, decoded, read };
    void note_place(GstClockTime pts, Place place);
    /// Handle messages of latencyread and latencysei.
    void note_picture(const GstStructure *message);
    void note_hops(const GstStructure *message);

private:
    bool counts(int64_t now) const { return first_ && (now - first_) * 1000 >= warm_up_; }

    const bool is_paced_;
    const int64_t warm_up_, clock_offset_;
    const int64_t started_; ///< monotonic, µs

    mutable std::mutex lock_; ///< guards the following
    int64_t first_ = 0;       ///< monotonic, µs; 0: no frame yet
    Measured measured_;
    bool has_caught_up_ = false;
    struct {
        guint64 lost = 0, unreadable = 0, repeated = 0, read = 0;
        bool is_set = false;
    } before_; ///< the counters at the end of the warm-up
    GstClockTime lowest_ = GST_CLOCK_TIME_NONE, highest_ = 0, keyframe_ = GST_CLOCK_TIME_NONE;
    uint64_t timed_ = 0;
    struct Times {
        int64_t came = 0, decoding = 0, decoded = 0; ///< monotonic, µs; 0: not yet
    };
    std::map<GstClockTime, Times> on_the_way_; ///< keyed by the frames' timestamps
};

} // namespace penstock::delay
