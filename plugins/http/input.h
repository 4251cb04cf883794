// SPDX-License-Identifier: LGPL-2.1-or-later
// What httpserversink takes, made into what a feed takes: where viewers may join, and with what.
#pragma once

#include "core/bytes/result.h"
#include "core/flv/normalizer.h"
#include "core/net/http/live/mount.h"

#include <gst/gst.h>

#include <string>
#include <vector>

namespace penstock {

/// One stream's; the streaming thread only.
class HttpInput {
public:
    /// The feed is told what comes. False for caps that are none of the template's.
    bool set_caps(const GstCaps *caps, net::HttpFeed &feed);
    /// An error says why the buffer is not what the caps promise; what follows may be.
    Result push(GstBuffer *buffer, net::HttpFeed &feed);
    /// What belongs together leaves together.
    Result push(GstBufferList *list, net::HttpFeed &feed);
    /// What is in pieces is given up.
    void flush();
    /// Whether anything was what the caps promise.
    bool any() const { return any_; }

private:
    enum class Kind { none, flv, ts, audio, ogg };
    Result push_flv(GstBuffer *buffer, net::HttpFeed &feed);
    Result push_bytes(Bytes bytes, GstBuffer *first, net::HttpFeed &feed);

    Kind kind_ = Kind::none;
    net::HttpFormat format_;
    std::vector<Bytes> headers_;
    bool any_ = false;
    flv::Normalizer normalizer_;
    std::vector<flv::Tag> tags_;
    GstClockTime joined_at_ = GST_CLOCK_TIME_NONE; ///< the newest place to join
};

} // namespace penstock
