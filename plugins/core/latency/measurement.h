// SPDX-License-Identifier: LGPL-2.1-or-later
// What the stamps of a stream's frames say together: latency, and frames lost, repeated or unread.
#pragma once

#include "core/latency/code.h"
#include "core/latency/histogram.h"

#include <optional>

namespace penstock::latency {

enum class Verdict {
    none,       ///< no frame yet
    ok,         ///< a latency
    repeated,   ///< a frame that came before: no latency of its own
    clock,      ///< a stamp whose time can't be: the clocks differ
    unreadable, ///< no stamp, or not one that can be trusted
};
/// "none", "ok", "repeated", "clock", "unreadable".
const char *name_of(Verdict verdict);

/// What is plausible, in nanoseconds.
struct Limits {
    int64_t tolerance = 5'000'000;        ///< a latency this far below zero counts as zero
    int64_t max_latency = 60'000'000'000; ///< more is a matter of clocks
};

/// Bounded memory; not thread-safe.
class Measurement {
public:
    /// One frame, in the order of display. `now` is UTC in microseconds.
    Verdict add(const std::optional<Stamp> &stamp, int64_t now, const Limits &limits);
    void clear() { *this = Measurement(); }

    /// Of the latest frame.
    Verdict verdict() const { return verdict_; }
    /// Nanoseconds, of the latest frame whose verdict is ok.
    int64_t latency() const { return latency_; }
    /// The latest that was read.
    const std::optional<Stamp> &stamp() const { return stamp_; }
    /// Latencies, in nanoseconds: of each frame once.
    const Histogram &histogram() const { return histogram_; }

    uint64_t frames() const { return frames_; }
    uint64_t read() const { return frames_ - unreadable_; }
    uint64_t unreadable() const { return unreadable_; }
    uint64_t repeated() const { return repeated_; }
    /// Numbers that were left out and for which no unreadable frame came.
    uint64_t lost() const { return lost_; }
    /// Frames with a verdict of clock.
    uint64_t clock() const { return clock_; }
    /// How often the numbers went back: the source began anew, or frames came out of order.
    uint64_t restarts() const { return restarts_; }

private:
    bool count_number(const Stamp &stamp);

    Verdict verdict_ = Verdict::none;
    int64_t latency_ = 0;
    std::optional<Stamp> stamp_;
    Histogram histogram_;
    uint64_t frames_ = 0, unreadable_ = 0, repeated_ = 0, lost_ = 0, clock_ = 0, restarts_ = 0;
    uint64_t unreadable_since_ = 0; ///< since the latest that was read
};

} // namespace penstock::latency
