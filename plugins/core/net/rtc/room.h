// SPDX-License-Identifier: LGPL-2.1-or-later
// A room of a WebRTC server as those see it who open and tap it. No GStreamer, and no Boost in this
// header.
#pragma once

#include "core/flv/tag.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::net {

struct RoomOptions {
    /// Bearer token of hosts; empty: the first participant is host.
    std::string host_key{};
    /// Whether those who are no hosts may speak, or listen only.
    bool may_speak = true;
    /// The video codec of the room: H.264, otherwise VP8.
    bool is_h264 = false;
    size_t max_participants = 100; ///< 1 to 100
    size_t last_n = 16;            ///< videos that a participant gets at a time; 0 to 16
};

/// The media of a participant: its camera and microphone, or its screen.
struct RoomStream {
    uint64_t number = 0;     ///< that no other has
    std::string participant; ///< id: "p3"
    std::string name;        ///< of the participant; UTF-8, any characters but control ones
    bool is_screen = false;
    bool is_muted = false; ///< its participant's microphone is off, or is not forwarded
};

/// Called on network loops, one call at a time; must not block.
class RoomReceiver {
public:
    virtual ~RoomReceiver() = default;
    /// Whether it takes media at all. Constant.
    virtual bool takes_media() const = 0;
    /// Before the first tag of a stream.
    virtual void on_stream(const RoomStream &) {}
    virtual void on_tag(uint64_t /*stream*/, flv::Tag &&) {}
    /// Its participant has another name, or is muted or so no longer.
    virtual void on_changed(const RoomStream &) {}
    virtual void on_stream_ended(uint64_t /*stream*/) {}
    /// The first participant has come, or the last one has left. Several of these calls may be late
    /// and in any order: the claim's stats say which holds.
    virtual void on_occupied() {}
};

struct RoomStats {
    unsigned participants = 0, speakers = 0; ///< who are there; who speak now
    uint64_t joined = 0;                     ///< participants that ever were
    uint64_t bytes_in = 0, packets_in = 0;   ///< RTP of all participants
    uint64_t bytes_out = 0, packets_out = 0; ///< forwarded
    uint64_t repeated = 0;                   ///< packets that receivers asked for again
    uint64_t dropped = 0;                    ///< packets for receivers that were too slow
    uint64_t messages = 0;                   ///< texts that came
};

/// Somebody's share in a room, which is open as long as somebody has one. Thread-safe.
class RoomClaim {
public:
    virtual ~RoomClaim() = default;
    virtual RoomStats stats() const = 0;
    /// A decoder of this stream needs a keyframe.
    virtual void want_keyframe(uint64_t stream) = 0;
};

} // namespace penstock::net
