// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of rtcpullsrc: plays a stream of another server over WebRTC and reconnects as needed.
#pragma once

#include "gst/flv_reader.h"
#include "gst/tag_source.h"
#include "rtc/client_settings.h"

#include <gst/app/gstappsink.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::rtc {

class PullSource final : public TagSource, public ClientEvents {
public:
    struct Settings : ClientSettings {
        size_t max_bytes = 4 << 20;
        uint64_t latency = 100 * GST_MSECOND;
        bool interleave = true; ///< video waits for the audio that is due before it
    };

    PullSource(GstElement *element, GstPad *pad) : TagSource(element, pad) {}

    /// From the pad's activation; posts its own error.
    bool start();
    void stop();
    GstPtr<GstStructure> stats();
    bool want_keyframe() override;

    std::mutex settings_mutex; ///< not held across a push, a message or a wait
    Settings settings;

private:
    // On the client's thread.
    bool build(Connection &connection, std::string &reason) override;
    bool on_answer(const sdp::Offer &answer, std::string &reason) override;
    void on_live(Connection &connection) override;
    void on_gone() override;
    void on_change(const ClientChange &change) override;
    // On the thread that has the queue's turn.
    void on_began(const std::string &) override {}
    bool on_ended(const std::string &) override { return false; }
    void on_room() override {} ///< each tag asks for itself
    std::string stream_name() const override { return shown_; }
    // On threads of the connection's pipeline.
    static void on_pad(GstElement *webrtc, GstPad *pad, gpointer self);
    static GstPadProbeReturn on_packet(GstPad *pad, GstPadProbeInfo *info, gpointer self);
    static GstFlowReturn on_sample(GstAppSink *sink, gpointer self);
    void take_pad(GstElement *webrtc, GstPad *pad);
    void take(GstBuffer *buffer);
    void take(flv::Tag &&tag);

    std::string shown_;       ///< the location without its query; changes in start() only
    std::mutex client_mutex_; ///< the pointer, between state changes and stats()
    std::unique_ptr<Client> client_;

    // On the client's thread.
    Connection *connection_ = nullptr; ///< from build() to on_gone()
    bool interleave_ = true;           ///< changes in start() only
    bool live_ = false;
    std::string last_reason_, end_reason_;

    // On the thread of the connection's appsink; reset between connections.
    FlvReader reader_;
    std::vector<flv::Tag> tags_;
    bool has_begun_ = false, has_video_ = false;

    std::atomic<bool> waits_for_keyframe_ = true;
    std::atomic<uint64_t> asked_ms_ = 0; ///< for a keyframe
    std::mutex video_mutex_;             ///< guards video_; the last in order
    GstPtr<GstPad> video_;               ///< webrtcbin's
};

} // namespace penstock::rtc
