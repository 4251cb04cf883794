// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of rtmppushsink: publishes to another server, reconnects as needed, and adapts to the
// connection's capacity.
#pragma once

#include "core/net/rtmp/client.h"
#include "core/rtmp/congestion.h"
#include "gst/auto_sync.h"
#include "gst/flv_reader.h"
#include "gst/stats.h"
#include "rtmp/client_settings.h"
#include "rtmp/encoder_control.h"

#include <gst/base/gstbasesink.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::rtmp {

class PushSink final : public net::RtmpClientEvents {
public:
    struct Settings : ClientSettings {
        uint64_t queue_max_time = 2 * GST_SECOND;
        size_t queue_max_bytes = 16 << 20;
        bool adapt = false;
    };

    explicit PushSink(GstBaseSink *sink) : sink_(sink) {}

    /// From state changes; posts its own error.
    bool start();
    void stop();
    /// On the streaming thread.
    GstFlowReturn render(GstBuffer *buffer);
    GstFlowReturn render_list(GstBufferList *list);
    bool set_caps(const GstCaps *) { return true; }
    void flush() { reader_.flush(); }

    GstPtr<GstStructure> stats();

    /// Lock order: settings_mutex, client_mutex_. Neither is held across a post or a wait.
    std::mutex settings_mutex;
    Settings settings;
    AutoSync sync;

private:
    void on_change(const net::RtmpClientChange &change) override;
    void on_warning(const std::string &text) override;
    void publish(const flv::Tag &tag);
    void watch_congestion();
    void report(const Congestion::Report &report);
    GstFlowReturn refuse(const std::string &reason);

    GstBaseSink *const sink_;
    std::string shown_;       ///< the location without the key; changes in start() only
    std::mutex client_mutex_; ///< the pointer, between state changes and stats()
    std::unique_ptr<net::RtmpClient> client_;
    Counters counters_;
    std::string last_reason_; ///< on the loop

    // On the streaming thread, and in start() and stop().
    FlvReader reader_;
    std::vector<flv::Tag> tags_;
    Congestion congestion_;
    EncoderControl encoder_;
    uint64_t video_bytes_ = 0, audio_bytes_ = 0;
    bool any_ = false;
    bool looked_for_encoder_ = false;
    std::atomic<uint64_t> bitrate_ = 0;
};

} // namespace penstock::rtmp
