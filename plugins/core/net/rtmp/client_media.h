// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher's media on their way to the connection: one timeline, the headers to begin with, and
// a bounded queue.
#pragma once

#include "core/fanout/packet.h"
#include "core/flv/normalizer.h"
#include "core/net/rtmp/client.h"
#include "core/rtmp/publish_queue.h"
#include "core/rtmp/timeline.h"

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

namespace penstock::net {

/// Thread-safe: a streaming thread pushes, a loop takes. Never blocks but for its short lock.
class ClientMedia {
public:
    explicit ClientMedia(rtmp::PublishQueue::Limits limits) : queue_(limits) {}

    void push(const flv::Tag &tag, uint64_t now_ms);
    void discontinuity();

    /// The server has accepted on this message stream: take() gives the headers, then the media.
    void flow(uint32_t stream_id);
    /// From now on take() gives nothing from the next keyframe on, which is for the next
    /// connection.
    void stop_at_keyframe();
    /// Whether that keyframe is there, and all before it was taken.
    bool is_stopped() const;
    /// The connection is lost.
    void hold();
    /// Appends packets of at least `wanted` bytes, if there are so many. Returns false if there
    /// were none.
    bool take(size_t wanted, std::vector<fanout::PacketPtr> &out);
    bool empty() const;

    /// This many bytes of the output of take() were written and have left the machine.
    void sent(uint64_t bytes);
    RtmpClientBacklog backlog() const;
    uint64_t frames() const;
    uint64_t dropped() const;

private:
    /// The end of a frame in the bytes of this connection.
    struct Mark {
        uint64_t end;
        int64_t time;
    };
    void append(const flv::Tag &tag, int64_t time, std::vector<fanout::PacketPtr> &out);
    void append_headers(int64_t time, std::vector<fanout::PacketPtr> &out);

    mutable std::mutex mutex_; ///< guards everything
    rtmp::PublishQueue queue_;
    flv::Normalizer headers_;
    rtmp::Timeline timeline_;
    std::deque<Mark> marks_; ///< frames that were taken and have not left this machine
    uint64_t taken_ = 0;     ///< bytes of media and headers that take() gave this connection
    uint64_t sent_ = 0;      ///< bytes that have left this machine
    int64_t newest_ = 0;
    uint64_t frames_ = 0;
    uint32_t stream_id_ = 1;
    bool has_video_ = false;
    bool flowing_ = false;
    bool headers_due_ = false;
    bool stopping_ = false;
};

} // namespace penstock::net
