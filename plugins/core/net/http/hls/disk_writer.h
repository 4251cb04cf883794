// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes segments on a separate thread, so that a blocking disk delays nothing else.
#pragma once

#include "core/hls/segmenter.h"

#include <chrono>
#include <thread>

namespace penstock::net {

/// A bounded queue of segments before a store that may block. Thread-safe, except that calls of
/// add() must be serialized.
class DiskWriter {
public:
    /// Writes a segment; nullptr: the stream ends. Called only on the writer's thread, one call at
    /// a time; a call may outlast the DiskWriter.
    using Write = std::function<Result(const hls::Segment *segment)>;
    struct Options {
        /// Limits of queued data, the first for each rendition; one segment is always accepted.
        size_t max_segments = 8;
        size_t max_bytes = 64 << 20;
        /// Writes that take longer are reported.
        std::chrono::nanoseconds slow = std::chrono::seconds(5);
        /// How long drain() and end() wait for a disk that makes no progress.
        std::chrono::nanoseconds patience = std::chrono::seconds(10);
    };

    DiskWriter(Write write, const Options &options);
    /// Discards queued segments. Does not wait for a write in progress.
    ~DiskWriter();
    DiskWriter(const DiskWriter &) = delete;
    DiskWriter &operator=(const DiskWriter &) = delete;

    /// Queues a segment. If the queue is full: with `may_wait`, waits for space or cancel();
    /// otherwise drops the segment.
    void add(hls::Segment segment, bool may_wait);
    /// Stops add() from waiting.
    void cancel();
    /// Waits until everything is written, provided that the disk makes progress every `patience`.
    /// Otherwise returns false and adds a report.
    bool drain();
    /// Queues the end of the stream and drains.
    void end();

    /// Returns and clears readable reports of problems since the last call. Cheap if there are
    /// none.
    std::vector<std::string> take_reports();
    /// Number of dropped segments.
    uint64_t lost() const;
    /// Whether a segment was dropped or a write has failed.
    bool has_failed() const;

private:
    struct State;
    static void run(const std::shared_ptr<State> &state);
    const std::shared_ptr<State> state_; ///< the thread may outlive this object
    std::thread thread_;
};

} // namespace penstock::net
