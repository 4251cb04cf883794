// SPDX-License-Identifier: LGPL-2.1-or-later
// The work of rtcroom: opens a room or shares one, and has a pad for each stream of it.
#pragma once

#include "core/net/rtc/server.h"
#include "core/net/tls/files.h"
#include "gst/ptr.h"
#include "gst/stats.h"
#include "rtc/room_pad.h"
#include "rtc/settings.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace penstock {

enum class RoomOutputs { none, participants };
enum class RoomRole { speaker, listener };
enum class RoomCodec { vp8, h264 };

class RoomSource final : private net::RoomReceiver {
public:
    struct Settings {
        std::string location = "http://127.0.0.1:8080/room/main/join";
        net::TlsFiles tls;
        std::string host_key;
        RoomRole default_role = RoomRole::speaker;
        RoomCodec codec = RoomCodec::vp8;
        guint max_participants = 100, last_n = 16;
        RoomOutputs outputs = RoomOutputs::none;
    };

    explicit RoomSource(GstElement *element) : element_(element) {}

    // From state changes; each posts its own error.
    bool open(const rtc::Settings &server);
    bool start();
    void set_playing(bool playing);
    void stop();
    void close();
    /// The application ends the stream.
    void end_of_stream();

    GstPtr<GstStructure> stats();
    std::string bound_location();

    /// Lock order: settings_mutex, server_mutex_, those of the room; pads_mutex_ is innermost. None
    /// is held across a push, a message or a call of a pad's.
    std::mutex settings_mutex;
    Settings settings;

private:
    using PadPtr = std::shared_ptr<RoomPad>;

    // net::RoomReceiver
    bool takes_media() const override { return takes_media_; }
    void on_stream(const net::RoomStream &stream) override;
    void on_tag(uint64_t stream, flv::Tag &&tag) override;
    void on_changed(const net::RoomStream &stream) override;
    void on_stream_ended(uint64_t stream) override;
    void on_occupied() override;
    void tell_occupied();

    PadPtr pad_of(uint64_t stream);
    void add_pad(uint64_t stream);
    void remove_pad(uint64_t stream);
    void want_keyframe(uint64_t stream);

    GstElement *const element_;
    std::mutex server_mutex_; ///< guards the pointers
    std::shared_ptr<net::RtcServer> server_;
    std::unique_ptr<net::RoomClaim> claim_;
    std::string path_; ///< changes below READY only
    bool takes_media_ = false;
    std::atomic<gint64> since_{0}; ///< monotonic, µs; 0 while stopped
    bool is_occupied_ = false;     ///< as the application was told; with server_mutex_
    std::mutex telling_mutex_;     ///< is held across that message, and guards nothing else

    std::mutex pads_mutex_; ///< guards what follows
    std::map<uint64_t, PadPtr> pads_;
    uint64_t gone_bytes_ = 0, gone_buffers_ = 0, gone_drops_ = 0; ///< of pads that were removed
    bool is_playing_ = false;
};

} // namespace penstock
