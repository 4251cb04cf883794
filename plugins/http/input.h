// SPDX-License-Identifier: LGPL-2.1-or-later
// From httpserversink's buffers to a feed: finds where viewers may join, and with which headers.
#pragma once

#include "core/bytes/result.h"
#include "core/net/http/live/mount.h"
#include "gst/flv_sink.h"

#include <gst/gst.h>

#include <string>
#include <vector>

namespace penstock {

/// Of one stream. The streaming thread only.
class HttpInput {
public:
    /// Tells the feed the format. False for caps that are not in the template.
    bool set_caps(const GstCaps *caps, net::HttpFeed &feed);
    /// An error says why the buffer is not what the caps promise; what follows may be.
    Result push(GstBuffer *buffer, net::HttpFeed &feed);
    /// A list of MPEG-TS packets is sent as one piece for each frame.
    Result push(GstBufferList *list, net::HttpFeed &feed);
    /// Gives up half a tag.
    void flush();
    /// Whether anything was what the caps promise.
    bool any() const { return any_ || flv_.any(); }

private:
    enum class Kind { none, flv, ts, audio, ogg };
    Result push_bytes(Bytes bytes, GstBuffer *first, net::HttpFeed &feed);

    Kind kind_ = Kind::none;
    net::HttpFormat format_;
    std::vector<Bytes> headers_;
    bool any_ = false;
    FlvSink flv_;
    GstClockTime joined_at_ = GST_CLOCK_TIME_NONE; ///< the newest place to join
};

} // namespace penstock
