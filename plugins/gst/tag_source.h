// SPDX-License-Identifier: LGPL-2.1-or-later
// The common part of sources of FLV tags: those from the network become `video/x-flv` buffers.
#pragma once

#include "core/rtmp/timeline.h"
#include "gst/flv_output.h"
#include "gst/queued_source.h"

#include <optional>
#include <string>

namespace penstock {

struct TimedTag {
    flv::Tag tag;
    int64_t sender_time =
        0; ///< ns since 1970 by the sender's clock, which becomes a meta; 0: not told
};

class TagSource : public QueuedSource<TimedTag> {
protected:
    TagSource(GstElement *element, GstPad *pad);
    ~TagSource() = default;

    /// On a network loop. Returns false if the queue is full: the sender has to wait for on_room().
    bool put_tag(flv::Tag &&tag, int64_t sender_time = 0) {
        const size_t size = tag.bytes.size();
        return put_media({std::move(tag), sender_time}, size);
    }
    /// On the thread that has the queue's turn: a sender begins.
    virtual void on_began(const std::string &who) = 0;

private:
    void on_open() override;
    void begin(const std::string &who) override;
    GstFlowReturn take_media(TimedTag &&tag) override;
    GstClockTime time_of(const flv::Tag &tag);

    // Belongs to the thread that has the queue's turn.
    FlvOutput output_;
    std::optional<rtmp::Timeline> timeline_; ///< to running time; since open_queue()
};

} // namespace penstock
