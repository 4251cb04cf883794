// SPDX-License-Identifier: LGPL-2.1-or-later
// When a client connects again.
#pragma once

#include <cstdint>

namespace penstock::rtmp {

/// All times are ms.
struct BackoffLimits {
    uint64_t first = 1'000; ///< after the first failure; doubles with each further one
    uint64_t most = 30'000;
    uint64_t refused = 60'000;       ///< after the server has refused the key; doubles too
    uint64_t refused_most = 600'000; ///< so that a key that is wrong is not tried without end
    /// A connection that lasted this long resets the delays: a server that accepts and closes at
    /// once is not hammered.
    uint64_t stable = 10'000;
};

/// Doubles the delay from failure to failure. Up to a quarter is subtracted at random, so that the
/// clients of a server that restarts do not all come at once.
class Backoff {
public:
    explicit Backoff(BackoffLimits limits = {}) : limits_(limits) {}
    /// The delay after a failure. `random` is in [0, 1).
    uint64_t next(bool refused, double random);
    /// The connection that has just ended was live for this long.
    void lived(uint64_t ms) {
        if (ms >= limits_.stable) failures_ = refusals_ = 0;
    }
    /// Failures since the last stable connection.
    unsigned failures() const { return failures_; }

private:
    const BackoffLimits limits_;
    unsigned failures_ = 0, refusals_ = 0;
};

} // namespace penstock::rtmp
