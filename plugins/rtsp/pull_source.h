// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of rtsppullsrc: plays a camera's stream and reconnects as needed.
#pragma once

#include "core/net/rtsp/client.h"
#include "gst/reconnect_settings.h"
#include "gst/tag_source.h"
#include "rtsp/elementary_pad.h"

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace penstock::rtsp {

class PullSource final : public TagSource, public net::RtspClientEvents {
public:
    struct Settings : ReconnectSettings {
        Settings() { reconnect_max_delay = 10 * GST_SECOND; }
        std::string user;
        std::string protocols = "tcp+udp+multicast";
        uint64_t latency = 200 * GST_MSECOND; ///< ns
        uint64_t silence_timeout = 10 * GST_SECOND;
        size_t max_bytes = 8 << 20;

        std::optional<net::RtspClientOptions> options(std::string *error) const;
    };

    PullSource(GstElement *element, GstPad *pad) : TagSource(element, pad) {}

    /// From the pad's activation; posts its own error.
    bool start();
    void stop();
    void set_playing(bool playing);
    /// After the pads have been deactivated.
    void remove_pads();
    GstPtr<GstStructure> stats();

    std::mutex settings_mutex; ///< not held across a push, a message or a wait
    Settings settings;

private:
    using Pads = std::array<std::shared_ptr<ElementaryPad>, 2>; ///< of video and of audio

    void on_change(const net::ClientChange &change) override;
    void on_tracks(const std::vector<ClientTrack> &tracks) override;
    bool on_tag(flv::Tag &&tag, std::optional<int64_t> sender_time) override;
    void on_frame(size_t track, const TrackCodec &codec, ElementaryFrame &&frame) override;
    void on_warning(const std::string &text) override;
    void on_began(const std::string &) override {}
    bool on_ended(const std::string &) override { return false; }
    void on_room() override { client_->resume(); }
    std::string stream_name() const override { return shown_; }
    Pads pads();

    std::string shown_;       ///< the location without secrets; changes in start() only
    std::mutex client_mutex_; ///< the pointer, between state changes and stats()
    /// Set while start() has the queue's turn; reset when the queue is closed and idle.
    std::unique_ptr<net::RtspClient> client_;
    std::mutex pads_mutex_; ///< the pointers, and `playing_`
    Pads pads_;
    bool playing_ = false;
    // On the loop.
    bool live_ = false;
    std::array<std::optional<rtc::Codec>, 2> codecs_; ///< of the pads, in this session
    std::string last_reason_;
};

} // namespace penstock::rtsp
