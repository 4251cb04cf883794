// SPDX-License-Identifier: LGPL-2.1-or-later
// The common part of sources of FLV tags: those from the network become `video/x-flv` buffers.
#pragma once

#include "core/flv/normalizer.h"
#include "core/rtmp/timeline.h"
#include "gst/queued_source.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock {

class TagSource : public QueuedSource<flv::Tag> {
protected:
    TagSource(GstElement *element, GstPad *pad);
    ~TagSource() = default;

    /// On a network loop. Returns false if the queue is full: the sender has to wait for on_room().
    bool put_tag(flv::Tag &&tag) {
        const size_t size = tag.bytes.size();
        return put_media(std::move(tag), size);
    }
    /// On the thread that has the queue's turn: a sender begins.
    virtual void on_began(const std::string &who) = 0;

private:
    void on_open() override;
    void begin(const std::string &who) override;
    GstFlowReturn take_media(flv::Tag &&tag) override;
    GstFlowReturn push_tag(const flv::Tag &tag);
    void post_notes();
    GstFlowReturn push_headers();
    GstClockTime time_of(const flv::Tag &tag);

    // Belongs to the thread that has the queue's turn.
    flv::Normalizer normalizer_;
    std::vector<flv::Tag> tags_; ///< what became of the tag at hand
    unsigned headers_version_ = 0;
    uint32_t config_ = 0; ///< of the headers that are out, see KnownTag
    bool has_video_ = false;
    bool discont_ = true;
    std::optional<rtmp::Timeline> timeline_; ///< to running time; since open_queue()
};

} // namespace penstock
