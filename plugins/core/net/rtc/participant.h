// SPDX-License-Identifier: LGPL-2.1-or-later
// A participant of a room: its admission, its media both ways, and its texts.
#pragma once

#include "core/net/rtc/participant_taps.h"
#include "core/net/rtc/room_state.h"
#include "core/net/rtc/rooms.h"
#include "core/net/rtc/session.h"
#include "core/rtc/room/downstream.h"
#include "core/rtc/room/upstream.h"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace penstock::net {

class RtcParticipant final : public RtcSession,
                             public RoomMember,
                             private rtc::room::Upstream::Handler,
                             private rtc::room::Downstream::Handler {
public:
    RtcParticipant(std::shared_ptr<RtcState> state, size_t loop, PeerInfo peer, Seats seats);

    void check(uint64_t now_ms) override;

private:
    // RtcSession
    void admit() override;
    void on_connected() override;
    void on_rtp(std::span<uint8_t> packet, uint64_t now) override;
    void on_rtcp(ByteView compound, uint64_t now) override;
    void on_closed(const std::string &reason) override;
    bool tick_media(uint64_t now) override;
    bool sends_media() const override { return true; }
    size_t max_sent_streams() const override;
    void on_channel_open(uint16_t id, const std::string &label) override;
    void on_channel_text(uint16_t id, std::string_view text) override;
    void on_channel_closed(uint16_t id) override;

    // RoomMember
    uint32_t number() const override { return number_; }
    void on_packet(uint64_t track, const rtc::room::MediaPacketPtr &packet, int64_t now) override {
        downstream_->on_packet(track, packet, now);
    }
    void on_lost(uint64_t track) override { downstream_->on_lost(track); }
    void on_scene(const std::shared_ptr<const RoomScene> &scene) override;
    void on_text(const std::string &text) override;
    void on_removed(const std::string &reason) override;
    void flush() override;

    // rtc::room::Upstream::Handler
    void on_packet(rtc::room::SourceKind kind, const rtc::room::MediaPacketPtr &packet) override;
    void on_level(uint8_t level) override;
    void on_rtcp(ByteView compound) override { send_rtcp(compound); }

    // rtc::room::Downstream::Handler
    bool send_rtp(ByteView header, std::span<const ByteView> payload,
                  const rtc::room::MediaPacketPtr &packet) override;
    void send_rtcp(ByteView compound) override { RtcSession::send_rtcp(compound); }
    void on_interest(const rtc::room::Target &target, bool is_wanted) override;
    void want_keyframe(const rtc::room::Target &target) override;
    rtc::room::MediaPacketPtr find(const rtc::room::Target &target, uint32_t epoch,
                                   int64_t number) override;
    std::vector<rtc::room::LayerFacts> layers_of(uint64_t track) override;

    bool gives(const std::string &key) const;
    bool may_join(const std::string &path);
    void admit_join();
    void find_room();
    void tell_rule(const std::shared_ptr<const LeaseOptions> &lease) const;
    void enter(const std::shared_ptr<RtcRoom> &room);
    void tell_slots();
    void flush_texts();
    void tell_facts(uint64_t now);
    RoomTrackPtr track_of(uint64_t number) const;
    RoomSide &side() { return room_->side(home_); }

    std::shared_ptr<RtcRoom> room_;
    uint32_t number_ = 0; ///< in the room; 0: it has not joined
    std::array<RoomTrackPtr, rtc::room::source_kinds> tracks_;
    std::unique_ptr<rtc::room::Upstream> upstream_;
    std::unique_ptr<rtc::room::Downstream> downstream_;
    /// A packet that leaves with others at the end of the loop's turn.
    struct Leaving {
        std::array<uint8_t, rtc::room::Downstream::most_header> header;
        std::array<uint8_t, rtc::room::Downstream::most_lead> lead;
        uint8_t header_size = 0, lead_size = 0;
        ByteView rest;
        rtc::room::MediaPacketPtr packet; ///< has the rest
    };
    std::vector<Leaving> leaving_;
    std::unique_ptr<ParticipantTaps> taps_; ///< nullptr: what it sends can't be read here
    std::shared_ptr<const RoomScene> scene_;
    /// Tracks that some slot wants, which may have left the scene by now.
    std::map<uint64_t, std::pair<RoomTrackPtr, unsigned>> held_;
    std::optional<uint16_t> channel_;
    std::deque<std::string> texts_; ///< that the channel has not taken
    bool has_lost_texts_ = false;
    uint64_t facts_told_ = 0; ///< ns
    std::array<bool, rtc::room::source_kinds> flows_{};
    uint64_t removal_at_ = 0; ///< ns; 0: it may stay
    std::string removal_;
    unsigned feedback_ = 0; ///< RTCP datagrams in this second
    uint64_t feedback_since_ = 0;
    uint64_t upstream_packets_ = 0, upstream_bytes_ = 0; ///< that were counted
    rtc::room::Downstream::Stats counted_;
};

} // namespace penstock::net
