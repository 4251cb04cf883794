// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of srtpushsink: sends a stream to another end, for ever.
#pragma once

#include "core/net/srt/client.h"
#include "gst/auto_sync.h"
#include "gst/flv_sink.h"
#include "gst/stats.h"
#include "srt/client_settings.h"

#include <gst/base/gstbasesink.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::srt {

class PushSink final : public net::SrtClientEvents {
public:
    struct Settings : ClientSettings {
        uint64_t queue_max_time = 4 * GST_SECOND;
        size_t queue_max_bytes = 16 << 20;
    };

    explicit PushSink(GstBaseSink *sink) : sink_(sink) {}

    /// From state changes; posts its own error.
    bool start();
    void stop();
    // On the streaming thread.
    bool set_caps(const GstCaps *caps);
    GstFlowReturn render(GstBuffer *buffer);
    GstFlowReturn render_list(GstBufferList *list);
    void flush() { flv_.flush(); }

    GstPtr<GstStructure> stats();

    /// Lock order: settings_mutex, client_mutex_. Neither is held across a post or a wait.
    std::mutex settings_mutex;
    Settings settings;
    AutoSync sync;

private:
    void on_change(const net::ClientChange &change) override;
    void on_warning(const std::string &text) override;
    GstFlowReturn refuse(const std::string &reason);

    GstBaseSink *const sink_;
    std::string shown_;       ///< the location without its query; changes in start() only
    std::mutex client_mutex_; ///< the pointer, between state changes and stats()
    std::unique_ptr<net::SrtClient> client_;
    Counters counters_;
    std::string last_reason_; ///< on the client's thread

    // On the streaming thread, and in start().
    bool is_flv_ = false;
    FlvSink flv_;
    std::vector<uint8_t> whole_; ///< empty between calls; keeps its memory
};

} // namespace penstock::srt
