// SPDX-License-Identifier: LGPL-2.1-or-later
// Handles `video/x-flv` in server sinks.
#pragma once

#include "gst/flv_reader.h"

#include <vector>

namespace penstock {

/// Passes tags from buffers to a feed: net::PlayFeed, net::HttpFeed. Used by the streaming thread
/// only.
class FlvSink {
public:
    /// An error says why the buffer is not FLV; later buffers may be.
    template <class Feed>
    Result push(GstBuffer *buffer, Feed &feed) {
        tags_.clear();
        if (any_ && GST_BUFFER_IS_DISCONT(buffer)) feed.discontinuity();
        const Result result = reader_.read(buffer, tags_);
        if (reader_.has_notes())
            for (const std::string &note : reader_.take_notes())
                GST_WARNING("odd FLV: %s", note.c_str());
        for (const flv::Tag &tag : tags_) {
            feed.push(tag);
            any_ = true;
        }
        tags_.clear(); // their bytes would stay alive until the next buffer
        if (result.is_error() && any_) reader_.flush();
        return result;
    }
    /// Whether there was any tag.
    bool any() const { return any_; }
    /// Discards a partial tag.
    void flush() { reader_.flush(); }

private:
    FlvReader reader_;
    std::vector<flv::Tag> tags_;
    bool any_ = false;
};

} // namespace penstock
