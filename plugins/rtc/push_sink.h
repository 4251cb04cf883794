// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of rtcpushsink: publishes to another server over WebRTC and reconnects as needed.
#pragma once

#include "gst/auto_sync.h"
#include "gst/flv_reader.h"
#include "gst/stats.h"
#include "rtc/client_settings.h"
#include "rtc/push_tracks.h"

#include <gst/app/gstappsrc.h>
#include <gst/base/gstbasesink.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::rtc {

class PushSink final : public ClientEvents {
public:
    struct Settings : ClientSettings {
        uint64_t queue_max_time = 1 * GST_SECOND;
        size_t queue_max_bytes = 4 << 20;
    };

    explicit PushSink(GstBaseSink *sink) : sink_(sink) {}

    /// From state changes; posts its own error.
    bool start();
    void stop();
    /// On the streaming thread.
    GstFlowReturn render(GstBuffer *buffer);
    void flush() { reader_.flush(); }

    GstPtr<GstStructure> stats();

    /// Lock order: settings_mutex, client_mutex_, media_mutex_. None is held across a post or a
    /// wait.
    std::mutex settings_mutex;
    Settings settings;
    AutoSync sync;

private:
    // On the client's thread.
    bool is_ready() override;
    bool build(Connection &connection, std::string &reason) override;
    bool on_answer(const sdp::Offer &answer, std::string &reason) override;
    void on_live(Connection &connection) override;
    void on_gone() override;
    void on_change(const ClientChange &change) override;

    void publish(const flv::Tag &tag);
    bool learn(const flv::Tag &tag, const flv::BodyHeader &header);
    void warn_of(flv::TagType type, uint32_t codec);
    void feed(const flv::Tag &tag);
    void begin_feed(const flv::Tag &tag);
    void push(const Bytes &bytes, GstClockTime time);
    bool is_full();
    void want_keyframe();
    GstFlowReturn refuse(const std::string &reason);
    static GstPadProbeReturn on_upstream(GstPad *pad, GstPadProbeInfo *info, gpointer self);

    GstBaseSink *const sink_;
    std::string shown_;       ///< the location without its query; changes in start() only
    std::mutex client_mutex_; ///< the pointer, between state changes and stats()
    std::unique_ptr<Client> client_;
    Counters counters_;
    std::string last_reason_; ///< on the client's thread
    std::atomic<uint64_t> asked_ms_ = 0;

    // On the streaming thread, and in start() and stop().
    FlvReader reader_;
    std::vector<flv::Tag> tags_;
    bool any_ = false;
    bool warned_of_order_ = false;
    uint32_t warned_video_ = 0, warned_audio_ = 0; ///< codecs

    std::mutex media_mutex_; ///< guards what follows
    flv::Normalizer headers_;
    PushTracks tracks_;
    uint64_t first_ms_ = 0; ///< when the first frame came; 0: none has
    bool ready_ = false;
    PushTracks used_;                 ///< those of the connection
    GstPtr<GstElement> built_, feed_; ///< appsrc: of the connection, and while that is live
    GstPtr<GstElement> pipeline_;
    size_t max_bytes_ = 0;
    GstClockTime max_time_ = 0;
    bool waits_for_keyframe_ = true;
    bool rebase_ = true;          ///< the next tag's time is now
    uint32_t last_timestamp_ = 0; ///< of a tag
    int64_t time_ = 0;            ///< running time of the connection at that tag, ns
};

} // namespace penstock::rtc
