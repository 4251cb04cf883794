// SPDX-License-Identifier: LGPL-2.1-or-later
// Handles `video/x-flv` in server sinks.
#pragma once

#include "core/net/stream/flv_stream.h"
#include "gst/flv_reader.h"
#include "gst/keyframe_request.h"
#include "gst/server_sink.h"

#include <memory>
#include <string>
#include <utility>
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

/// The feed of a sink that takes FLV only: that of a path on a server of core.
template <class Server>
class FlvServerFeed final : public ServerFeed {
public:
    /// On failure nullptr, and sets `error`.
    static std::unique_ptr<ServerFeed> open(std::shared_ptr<Server> server,
                                            const FeedRequest &request, std::string *error) {
        const ViewerPolicy &viewers = request.settings.viewers;
        const std::string &path = request.location.path;
        auto feed = server->feed(path,
                                 {viewers.history(), viewers.policy, viewers.ending, request.watch,
                                  [element = GstPtr<GstElement>::ref(request.element)] {
                                      ask_for_keyframe(element.get());
                                  }},
                                 error);
        if (!feed) return nullptr;
        return std::make_unique<FlvServerFeed>(std::move(server), std::move(feed), path);
    }
    FlvServerFeed(std::shared_ptr<Server> server, std::unique_ptr<net::PlayFeed> feed,
                  std::string path)
        : server_(std::move(server)), feed_(std::move(feed)), path_(std::move(path)) {}

    Result push(GstBuffer *buffer) override { return flv_.push(buffer, *feed_); }
    bool has_begun() const override { return flv_.any(); }
    void flush() override { flv_.flush(); }
    net::ViewerTotals stats() const override { return feed_->stats(); }
    std::string bound_location() const override {
        return std::string(server_->scheme()) + "://" + server_->address().to_string() + "/" +
               path_;
    }

private:
    const std::shared_ptr<Server> server_; ///< destroyed after the feed
    const std::unique_ptr<net::PlayFeed> feed_;
    const std::string path_;
    FlvSink flv_;
};

} // namespace penstock
