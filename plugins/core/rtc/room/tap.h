// SPDX-License-Identifier: LGPL-2.1-or-later
// Taps a participant: its packets become FLV tags, of its camera and microphone, or of its screen.
// Of a camera with simulcast that is one layer, the largest.
#pragma once

#include "core/rtc/ingest.h"
#include "core/rtc/room/forwarder.h"
#include "core/rtc/room/layers.h"
#include "core/rtc/room/upstream.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>

namespace penstock::rtc::room {

/// As Ingest, whose tags it has. Times are ns of the steady clock of MediaPacket::time. Not
/// thread-safe. The handler must not call it.
class Tap final : private Ingest::Handler {
public:
    class Handler {
    public:
        virtual ~Handler() = default;
        virtual void on_tag(flv::Tag &&tag) = 0;
        virtual void want_keyframe(SourceKind kind, uint8_t layer) = 0;
    };

    /// `video`: that of the camera or the screen; of a microphone alone any. `audio`: there may be
    /// a microphone, too. `rates`: ticks in a second.
    Tap(SourceKind kind, std::optional<Codec> video, bool audio, Handler &handler, int64_t now);

    /// Of the two kinds it was made for; others are ignored.
    void on_packet(SourceKind kind, const MediaPacketPtr &packet, int64_t now);
    /// A few times in a second: which layers there are.
    void choose(std::span<const LayerFacts> layers);
    void check(int64_t now, int64_t unix_ns);
    /// Somebody who gets the tags needs a keyframe.
    void request_keyframe() { wants_keyframe_ = true; }
    bool has_begun() const { return has_begun_; }

private:
    // Ingest::Handler
    void on_tag(flv::Tag &&tag) override { handler_.on_tag(std::move(tag)); }
    void on_rtcp(ByteView compound) override;

    void send(Forwarder &forwarder, uint32_t ssrc, uint8_t payload_type, const MediaPacket &packet,
              int64_t now);
    void send_reports(int64_t now, int64_t unix_ns);

    const SourceKind kind_;
    Handler &handler_;
    std::unique_ptr<Ingest> ingest_;
    Forwarder video_, audio_;
    int64_t reported_;
    bool wants_keyframe_ = false, has_begun_ = false;
    std::vector<uint8_t> scratch_;
};

} // namespace penstock::rtc::room
