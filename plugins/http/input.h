// SPDX-License-Identifier: LGPL-2.1-or-later
// Passes httpserversink's buffers to a feed: finds where viewers may join and the headers they
// need.
#pragma once

#include "core/bytes/result.h"
#include "core/net/http/live/mount.h"
#include "gst/flv_sink.h"

#include <gst/gst.h>

#include <string>
#include <vector>

namespace penstock {

/// For a single stream. Used by the streaming thread only.
class HttpInput {
public:
    /// Tells the feed the format. Returns false for caps outside of the pad template.
    bool set_caps(const GstCaps *caps, net::HttpFeed &feed);
    /// An error says how the buffer contradicts the caps; later ones may be valid.
    Result push(GstBuffer *buffer, net::HttpFeed &feed);
    /// A list of MPEG-TS packets is sent as one packet per frame.
    Result push(GstBufferList *list, net::HttpFeed &feed);
    /// Discards a partial tag.
    void flush();
    /// Whether any buffer matched the caps.
    bool any() const { return any_ || flv_.any(); }

private:
    enum class Kind { none, flv, ts, audio, ogg };
    Result push_bytes(Bytes bytes, GstBuffer *first, net::HttpFeed &feed);

    Kind kind_ = Kind::none;
    net::HttpFormat format_;
    std::vector<Bytes> headers_;
    bool any_ = false;
    FlvSink flv_;
    GstClockTime joined_at_ = GST_CLOCK_TIME_NONE; ///< the newest join position
};

} // namespace penstock
