// SPDX-License-Identifier: LGPL-2.1-or-later
// Holds the timestamps of a live input near the time at which it arrives, whatever the sender's
// clock does.
#pragma once

#include <cstdint>
#include <optional>

namespace penstock::timing {

/// The lead of a frame is how far its timestamp is ahead of the time of its arrival. Networks delay
/// some frames and not others, so what counts is the most punctual frame of two seconds: if even
/// that is late, or even the least punctual is far ahead, the timestamps are moved. Times are ns.
class Arrival {
public:
    static constexpr int64_t window = 2'000'000'000;
    static constexpr int64_t early = 500'000'000;  ///< lead that is too much
    static constexpr int64_t jump = 2'000'000'000; ///< lead or lag that is mended at once

    /// `late`: the lag that is too much; above 0.
    explicit Arrival(int64_t late) : late_(late) {}

    /// Takes a frame's timestamp and the time at which it is here, and returns what to add to the
    /// timestamp. The same value is returned as long as nothing is wrong.
    int64_t step(int64_t time, int64_t now);
    /// How often the timestamps were moved after the first frame.
    uint64_t moves() const { return moves_; }
    /// Forgets all: another stream begins.
    void reset();

private:
    void begin_window(int64_t now);

    const int64_t late_;
    int64_t offset_ = 0;
    uint64_t moves_ = 0;
    std::optional<int64_t> begin_;
    std::optional<int64_t> most_, least_; ///< leads within the window
};

} // namespace penstock::timing
