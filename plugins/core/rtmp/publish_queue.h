// SPDX-License-Identifier: LGPL-2.1-or-later
// The media that wait for a server that is slow, or is not connected. Bounded; it never makes the
// producer wait.
#pragma once

#include "core/flv/tag.h"

#include <cstdint>
#include <deque>
#include <utility>

namespace penstock::rtmp {

/// While held (no connection), keeps the media from the last keyframe on, so that a new connection
/// begins at once. While flowing, keeps everything up to its limits; beyond them it skips to the
/// newest keyframe, or drops everything until one comes. Not thread-safe.
class PublishQueue {
public:
    struct Limits {
        size_t max_bytes = 16 << 20;
        int64_t max_ms = 2'000; ///< of media; while flowing
    };
    struct Item {
        flv::Tag tag;
        int64_t time = 0;    ///< ms, on the connection's timeline
        bool header = false; ///< configuration or metadata
        bool start = false;  ///< a decoder can begin here
    };

    PublishQueue() = default;
    explicit PublishQueue(Limits limits) : limits_(limits) {}

    void push(Item &&item);
    /// Takes the next item; false if there is none.
    bool pop(Item &item);
    /// Whether a decoder can begin with the next item.
    bool is_at_start() const { return !items_.empty() && items_.front().start; }
    /// There is no connection: keeps incoming tags from the last keyframe on.
    void hold();
    /// A connection takes what is queued, beginning with a keyframe.
    void flow();

    bool empty() const { return items_.empty(); }
    size_t bytes() const { return bytes_; }
    /// Time of the oldest item.
    int64_t oldest() const { return items_.front().time; }
    /// Frames that were dropped: superseded while held, or skipped over.
    uint64_t dropped() const { return dropped_; }
    /// True once after a skip, which may have dropped headers: they have to be sent again.
    bool take_skipped() { return std::exchange(skipped_, false); }

private:
    void skip();
    void drop_until(size_t index);

    Limits limits_;
    std::deque<Item> items_;
    size_t bytes_ = 0;
    int64_t limit_ms_ = 0; ///< while flowing: more than max_ms until what was held is sent
    uint64_t dropped_ = 0;
    bool flowing_ = false;
    bool waiting_ = true; ///< for a keyframe
    bool skipped_ = false;
};

} // namespace penstock::rtmp
