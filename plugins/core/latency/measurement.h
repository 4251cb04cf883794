// SPDX-License-Identifier: LGPL-2.1-or-later
// Evaluates the stamps of a stream's frames: latency, and lost, repeated and unreadable frames.
#pragma once

#include "core/latency/code.h"
#include "core/latency/histogram.h"

#include <optional>

namespace penstock::latency {

enum class Verdict {
    none,       ///< no frame yet
    ok,         ///< the latency is valid
    repeated,   ///< shown before: no latency of its own
    clock,      ///< the stamp's time is impossible: the clocks differ
    unreadable, ///< no stamp, or an invalid one
};
/// "none", "ok", "repeated", "clock", "unreadable".
const char *name_of(Verdict verdict);

/// Bounds of plausible latencies; nanoseconds.
struct Limits {
    int64_t tolerance = 5'000'000;        ///< negative latencies down to this count as zero
    int64_t max_latency = 60'000'000'000; ///< larger ones are caused by wrong clocks
};

/// Uses bounded memory. Not thread-safe.
class Measurement {
public:
    /// Adds a frame in display order. `now` is UTC in microseconds.
    Verdict add(const std::optional<Stamp> &stamp, int64_t now, const Limits &limits);
    void clear() { *this = Measurement(); }

    /// Verdict of the latest frame.
    Verdict verdict() const { return verdict_; }
    /// Latency of the latest frame with verdict ok; ns.
    int64_t latency() const { return latency_; }
    /// The latest stamp read.
    const std::optional<Stamp> &stamp() const { return stamp_; }
    /// Latencies in ns; each frame counts once.
    const Histogram &histogram() const { return histogram_; }

    uint64_t frames() const { return frames_; }
    uint64_t read() const { return frames_ - unreadable_; }
    uint64_t unreadable() const { return unreadable_; }
    uint64_t repeated() const { return repeated_; }
    /// Skipped frame numbers that are not explained by unreadable frames.
    uint64_t lost() const { return lost_; }
    /// Number of frames with verdict clock.
    uint64_t clock() const { return clock_; }
    /// How often the frame numbers went back: the source restarted, or frames were reordered.
    uint64_t restarts() const { return restarts_; }

private:
    bool count_number(const Stamp &stamp);

    Verdict verdict_ = Verdict::none;
    int64_t latency_ = 0;
    std::optional<Stamp> stamp_;
    Histogram histogram_;
    uint64_t frames_ = 0, unreadable_ = 0, repeated_ = 0, lost_ = 0, clock_ = 0, restarts_ = 0;
    uint64_t unreadable_since_ = 0; ///< number of unreadable frames since the latest stamp
};

} // namespace penstock::latency
