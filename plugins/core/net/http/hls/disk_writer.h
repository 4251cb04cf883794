// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes segments on a thread of its own, so that a disk that blocks holds up nobody else.
#pragma once

#include "core/hls/segmenter.h"

#include <chrono>
#include <thread>

namespace penstock::net {

/// A bounded queue of segments in front of a store that may block. Thread-safe, except that add()
/// calls come one at a time.
class DiskWriter {
public:
    /// Writes a segment; null: the stream is over. Called on the writer's thread alone, one call at
    /// a time, and perhaps after the DiskWriter is gone.
    using Write = std::function<Result(const hls::Segment *segment)>;
    struct Options {
        /// Bounds of what waits for the disk; one segment always may.
        size_t max_segments = 8;
        size_t max_bytes = 64 << 20;
        /// A write that takes this long is reported.
        std::chrono::nanoseconds slow = std::chrono::seconds(5);
        /// How long drain() and end() wait for a disk that takes nothing.
        std::chrono::nanoseconds patience = std::chrono::seconds(10);
    };

    DiskWriter(Write write, const Options &options);
    /// Gives up what is queued and not written. Does not wait for a write that is under way.
    ~DiskWriter();
    DiskWriter(const DiskWriter &) = delete;
    DiskWriter &operator=(const DiskWriter &) = delete;

    /// Queues a segment. If the queue is full: with `may_wait` waits until there is room or
    /// cancel() is called, otherwise loses the segment.
    void add(hls::Segment segment, bool may_wait);
    /// add() waits no more.
    void cancel();
    /// Waits until everything is written, as long as the disk takes something every `patience`.
    /// False, and a report, if it does not.
    bool drain();
    /// Writes the end of the stream behind what is queued, and drains.
    void end();

    /// What went wrong since the last call, for people; empty if nothing. Cheap.
    std::vector<std::string> take_reports();
    /// Segments that were not written.
    uint64_t lost() const;

private:
    struct State;
    static void run(const std::shared_ptr<State> &state);
    const std::shared_ptr<State> state_; ///< the thread may outlive this object
    std::thread thread_;
};

} // namespace penstock::net
