// SPDX-License-Identifier: LGPL-2.1-or-later
// Decides which rung of a ladder the machine can't keep up with, and when to try it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace penstock::ladder {

/// All times are in ns. Used under its owner's lock; it has no clock of its own.
class Load {
public:
    struct Limits {
        int64_t lag = 1'000'000'000;             ///< more than this behind the input is too late
        int64_t patience = 5'000'000'000;        ///< and for this long, before a rung is stopped
        int64_t retry = 30'000'000'000;          ///< a stopped rung is tried again after this
        int64_t longest_retry = 600'000'000'000; ///< the time doubles up to this
    };
    /// A rung as it is now.
    struct Reading {
        bool running = false;
        int64_t lag = 0;      ///< newest time of the input − newest time of the rung's output
        bool is_full = false; ///< the decoder waits for this rung's encoder
        uint64_t cost = 0;    ///< pixels of a frame
        int64_t out = 0;      ///< newest time of the rung's output
    };

    Load() = default;
    Load(size_t rungs, const Limits &limits) : limits_(limits), rungs_(rungs) {}

    void set_limits(const Limits &limits) { limits_ = limits; }

    /// Looks at all rungs. Returns the one to stop, which then counts as stopped, once a running
    /// rung has been too late for longer than `patience` and is not catching up: the costliest of
    /// those that stand still while the decoder waits for them, or else of all that run.
    std::optional<size_t> look(int64_t now, std::span<const Reading> rungs);

    bool is_stopped(size_t rung) const { return rungs_[rung].stopped; }
    /// Whether a stopped rung may be tried again: its time is over, no other is on trial, none runs
    /// late, and no cheaper one is due (`cost` of Reading, as last looked at).
    bool may_return(size_t rung, int64_t now) const;
    /// The rung runs again. It is on trial for twice `patience`.
    void returned(size_t rung, int64_t now);
    /// The rung is gone: what is known of it is forgotten, and none waits for it.
    void forget(size_t rung) { rungs_[rung] = {}; }
    /// Forgets that rungs were late: the stream begins anew. Stopped ones stay stopped.
    void begin_again() { late_since_.reset(); }
    /// How often the rung was stopped.
    unsigned stops(size_t rung) const { return rungs_[rung].stops; }
    /// How long from its last stop to the next trial.
    int64_t delay(size_t rung) const { return rungs_[rung].delay; }

private:
    struct State {
        bool stopped = false;
        unsigned stops = 0;
        int64_t delay = 0;       ///< from the last stop to the next trial
        int64_t due = 0;         ///< when stopped
        int64_t returned_at = 0; ///< when not, after a stop
        uint64_t cost = 0;
        int64_t late_out = 0; ///< `out` of its Reading at late_since_
    };

    Limits limits_;
    std::vector<State> rungs_;
    std::optional<int64_t> late_since_, trial_since_;
    int64_t late_lag_ = 0; ///< the longest lag since late_since_
};

} // namespace penstock::ladder
