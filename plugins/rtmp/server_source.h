// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of rtmpserversrc: takes one publisher's tags from the network and pushes them as FLV.
#pragma once

#include "core/net/rtmp/server.h"
#include "gst/ptr.h"
#include "rtmp/tag_source.h"

#include <atomic>
#include <mutex>
#include <string>

namespace penstock::rtmp {

enum class OnUnpublish { wait, eos };

class ServerSource final : public TagSource, public net::TagReceiver {
public:
    struct Settings {
        std::string location = "rtmp://127.0.0.1:1935/live/stream";
        std::string publish_key;
        OnUnpublish on_unpublish = OnUnpublish::wait;
        size_t max_bytes = 4 << 20; ///< queued before the publisher is made to wait
        uint64_t silence_timeout = net::ClaimOptions().silence_timeout;
    };

    ServerSource(GstElement *element, GstPad *pad);

    // From state changes; each posts its own error.
    bool open();
    /// `watch` is asked about publishers.
    bool start(std::shared_ptr<net::PeerWatch> watch);
    void stop();
    void close();

    GstPtr<GstStructure> stats();
    std::string bound_location();

    /// Lock order: settings_mutex, mutex_. Neither is held across a push or a message.
    std::mutex settings_mutex;
    Settings settings;

private:
    void on_published(const std::string &peer) override;
    bool on_tag(flv::Tag &&tag) override;
    void on_unpublished(const std::string &reason) override;
    void on_began(const std::string &who) override;
    bool on_ended(const std::string &reason) override;
    void on_room() override;
    std::string stream_name() const override { return path_; }
    void post_state(bool publishing, const std::string &text);

    /// Set while its opener has the queue's turn; reset when the queue is closed and idle: whoever
    /// has the turn may use it.
    std::unique_ptr<net::PublishClaim> claim_;

    std::mutex mutex_; ///< guards the server
    std::shared_ptr<net::RtmpServer> server_;
    std::string path_; ///< changes below READY only

    std::atomic<bool> publishing_{false};
};

} // namespace penstock::rtmp
