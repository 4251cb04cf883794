// SPDX-License-Identifier: LGPL-2.1-or-later
// The streams of one participant for those who tap its room: its camera with its microphone, and
// its screen.
#pragma once

#include "core/net/rtc/room_state.h"
#include "core/rtc/room/tap.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::net {

/// On its participant's loop. Costs nothing while nobody takes media.
class ParticipantTaps {
public:
    /// `want_keyframe`: asks the participant.
    using WantKeyframe = std::function<void(rtc::room::SourceKind, uint8_t layer)>;
    ParticipantTaps(std::shared_ptr<RtcRoom> room, uint32_t participant,
                    const rtc::room::Upstream &upstream, WantKeyframe want_keyframe);
    /// The streams end.
    ~ParticipantTaps();

    void on_packet(rtc::room::SourceKind kind, const rtc::room::MediaPacketPtr &packet,
                   int64_t now);
    void check(int64_t now, int64_t unix_ns);
    /// Those of the participant, whose layers are looked at.
    void set_tracks(const std::array<RoomTrackPtr, rtc::room::source_kinds> &tracks) {
        tracks_ = tracks;
    }

private:
    /// One who takes a stream.
    struct Taker {
        std::shared_ptr<RoomTap> tap;
        bool needs_keyframe = true;
    };
    class Stream final : public rtc::room::Tap::Handler {
    public:
        Stream(ParticipantTaps &all, bool is_screen, int64_t now);
        ~Stream() override;
        void set_taps(const RoomTaps &taps);
        /// Tells the takers if the participant has another name, or is muted or not.
        void describe(const RoomStream &participant);
        rtc::room::Tap &tap() { return tap_; }
        uint64_t number() const { return info_.number; }
        rtc::room::SourceKind kind() const { return kind_; }

    private:
        void on_tag(flv::Tag &&tag) override;
        void want_keyframe(rtc::room::SourceKind kind, uint8_t layer) override {
            all_.want_keyframe_(kind, layer);
        }
        void begin(Taker &taker);

        ParticipantTaps &all_;
        const rtc::room::SourceKind kind_;
        RoomStream info_;
        std::vector<Taker> takers_;
        std::optional<flv::Tag> video_config_, audio_config_;
        bool has_begun_ = false, has_video_ = false;
        rtc::room::Tap tap_;
    };
    void follow_taps(int64_t now);
    bool has(rtc::room::SourceKind kind) const { return codecs_[size_t(kind)].has_value(); }

    const std::shared_ptr<RtcRoom> room_;
    const uint32_t participant_;
    const WantKeyframe want_keyframe_;
    std::array<std::optional<rtc::Codec>, rtc::room::source_kinds> codecs_;
    std::optional<unsigned> turn_;                   ///< RtcRoom::tap_turn() that is followed
    std::array<std::unique_ptr<Stream>, 2> streams_; ///< camera, screen
    std::array<RoomTrackPtr, rtc::room::source_kinds> tracks_;
    int64_t chosen_ = 0;
};

} // namespace penstock::net
