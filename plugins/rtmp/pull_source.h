// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of rtmppullsrc: plays a stream of another server and reconnects as needed.
#pragma once

#include "core/net/rtmp/client.h"
#include "gst/tag_source.h"
#include "rtmp/client_settings.h"

#include <memory>
#include <mutex>
#include <string>

namespace penstock::rtmp {

class PullSource final : public TagSource, public net::RtmpClientEvents {
public:
    struct Settings : ClientSettings {
        size_t max_bytes = 4 << 20;
        uint64_t silence_timeout = 30 * GST_SECOND;
    };

    PullSource(GstElement *element, GstPad *pad) : TagSource(element, pad) {}

    /// From the pad's activation; posts its own error.
    bool start();
    void stop();
    GstPtr<GstStructure> stats();

    std::mutex settings_mutex; ///< not held across a push, a message or a wait
    Settings settings;

private:
    void on_change(const net::RtmpClientChange &change) override;
    bool on_tag(flv::Tag &&tag) override { return put_tag(std::move(tag)); }
    void on_warning(const std::string &text) override;
    void on_began(const std::string &) override {}
    bool on_ended(const std::string &) override { return false; }
    void on_room() override { client_->resume(); }
    std::string stream_name() const override { return shown_; }

    std::string shown_;       ///< the location without the key; changes in start() only
    std::mutex client_mutex_; ///< the pointer, between state changes and stats()
    /// Set while start() has the queue's turn; reset when the queue is closed and idle.
    std::unique_ptr<net::RtmpClient> client_;
    // On the loop.
    bool live_ = false;
    std::string last_reason_;
};

} // namespace penstock::rtmp
