// SPDX-License-Identifier: LGPL-2.1-or-later
// A viewer by WHEP: a cursor into its stream's ring, and keys by which each packet is encrypted for
// it alone. The payloads are read from where they are.
#pragma once

#include "core/net/rtc/session.h"
#include "core/net/stream/viewer.h"
#include "core/rtc/keyframe_hold.h"
#include "core/rtc/level_control.h"
#include "core/rtc/loss_watch.h"
#include "core/rtc/repair_delay.h"
#include "core/rtc/sent_spans.h"

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

namespace penstock::net {

class RtcViewer final : public RtcSession, public Viewer {
public:
    RtcViewer(std::shared_ptr<RtcState> state, size_t loop, PeerInfo peer, Seats seats);

    void check(uint64_t now_ms) override;
    void close(const std::string &reason) override { RtcSession::close(reason); }
    void on_writable() override { pump_again(); }

private:
    using Status = fanout::Outlet::Status;
    /// Bytes of the headers of IPv4 and UDP, which the network carries, too.
    static constexpr size_t datagram_overhead = 28;

    struct Track {
        bool is_sent = false;
        uint32_t ssrc = 0, rtx_ssrc = 0;
        uint32_t codec = 0;      ///< flv::fourcc
        uint32_t clock = 90'000; ///< Hz
        uint8_t payload_type = 0;
        uint8_t rtx = 0;           ///< payload type; 0: none
        uint8_t red = 0;           ///< so
        uint8_t playout_delay = 0; ///< id of the extension; 0: none
        uint8_t send_time = 0;     ///< so
        rtc::SentSpans spans;      ///< by which a number becomes a sequence number
        uint32_t packets = 0, bytes = 0;
        uint32_t last_time = 0, last_timestamp = 0; ///< of the last frame: ms, and ticks
    };
    // RtcSession
    void admit() override;
    void on_connected() override;
    void on_rtp(std::span<uint8_t>, uint64_t) override {}
    void on_rtcp(ByteView compound, uint64_t now) override;
    void on_closed(const std::string &reason) override;
    void on_way() override { pump_alone(); }
    bool tick_media(uint64_t now) override;
    bool sends_media() const override { return false; }

    // Viewer
    PeerInfo peer_info() const override { return peer_; }
    bool is_admitted() override;
    bool prepare(fanout::Outlet::Source &source, bool admitted) override;
    Status write(const fanout::Outlet::Source &source, fanout::BatchCache &cache, uint64_t &sent,
                 int &error) override;
    void wait_writable(Status why) override;
    void close_now(LogLevel level, const std::string &reason) override {
        RtcSession::close_now(level, reason);
    }
    void say_ended() override;
    void finish() override;
    uint64_t skips() const override { return cursor_.skipped; }
    uint64_t completed() const override { return frames_sent_; }
    void rewind() override;

    // admission
    void admit_play();
    void ask_to_play(const DemandOptions &demand);
    void wait_for_tracks();
    void play();

    // sending
    void refill(uint64_t now);
    bool is_before_edge(const rtc::RtpFrame &audio);
    Status send_frame(const fanout::PacketPtr &packet, uint64_t &sent);
    bool send_run(const rtc::RtpFrame &frame, size_t from, size_t count, uint64_t &sent);
    bool write_packets(const rtc::RtpFrame &frame, size_t from, size_t count, uint16_t sequence,
                       uint64_t &sent);
    bool is_repeated_with_next(const rtc::RtpFrame &frame) const;
    bool send_redundant(const fanout::PacketPtr &packet, uint64_t &sent);
    bool is_held(const rtc::RtpFrame &frame) const;
    void hold_last(const fanout::PacketPtr &packet);
    void release_held(uint64_t now);
    size_t write_header(std::span<uint8_t> out, const rtc::RtpFrame &frame, size_t index,
                        uint16_t sequence) const;
    size_t write_extensions(std::span<uint8_t> out, const Track &track, bool tells_delay) const;
    void send_report(uint64_t now);
    void say_goodbye(const std::string &reason);

    // feedback
    void take_nack(const rtp::rtcp::Nack &nack, uint64_t now);
    void want_keyframe();
    void send_again(uint16_t sequence, uint64_t now);
    size_t repeat(uint16_t sequence, uint64_t now);
    bool may_repeat(uint64_t now);

    // the level that the network carries (viewer_level.cpp)
    void check_level(uint64_t now);
    void begin_level(rtc::Level before);
    void count_as_slow(bool is_slow);
    void joined_anew();
    bool takes(const fanout::PacketPtr &packet);
    bool is_slow() const { return slow_frame_ || control_.padding() > 0; }
    void send_slowly(uint64_t now);
    void send_padding(uint64_t now);
    std::optional<uint32_t> place_of(uint16_t sequence) const;
    size_t send_empty();
    void say_level() const;
    void set_playout_delay(uint64_t now);
    void take_report(const rtp::rtcp::ReportBlock &block, uint64_t now);

    Track &track_of(const rtc::RtpFrame &frame) { return tracks_[frame.is_video ? 0 : 1]; }
    const Track &track_of(const rtc::RtpFrame &frame) const {
        return tracks_[frame.is_video ? 0 : 1];
    }

    std::shared_ptr<RtcMount> mount_;
    fanout::Cursor cursor_;
    std::list<fanout::PacketPtr> first_; ///< of joining, not sent yet; costs nothing while empty
    /// The folded frames it joined with, for retransmissions; forgotten after some seconds.
    std::vector<fanout::PacketPtr> folded_;
    uint64_t folded_at_ = 0; ///< ns
    /// The stream's time where it joined, ms; until audio from there on has come.
    std::optional<uint32_t> edge_;
    std::array<Track, 2> tracks_;
    uint32_t timestamp_offset_ = 0;
    size_t next_payload_ = 0; ///< of the frame at hand
    /// A moment of the stream's timeline, and of the wall clock: for sender reports.
    std::optional<uint32_t> anchor_ms_;
    int64_t anchor_unix_ = 0; ///< ns
    uint16_t rtx_sequence_ = 0;
    uint64_t frames_sent_ = 0;
    uint64_t header_time_ = 0; ///< ns; of packets that are made now
    double tokens_ = 0;        ///< packets that may leave now
    uint64_t tokens_at_ = 0;
    double repeats_ = 0; ///< retransmissions that may leave now
    uint64_t repeats_at_ = 0;
    bool is_paced_ = false; ///< waits for tokens
    rtc::LevelControl control_;
    rtc::RepairDelay repair_;
    uint16_t playout_delay_ = 0; ///< ms; what the viewer is told
    bool is_delay_told_ = true;  ///< by a frame since it changed
    static constexpr uint8_t no_rung = 0xFF;
    bool is_counted_ = false;     ///< as slow
    uint8_t sent_rung_ = 0;       ///< whose frames are sent
    bool needs_keyframe_ = false; ///< to go on with the rung of the level
    // Places among the packets of video that were sent.
    uint32_t wanted_from_ = 0; ///< those before are not sent again
    uint32_t asked_to_ = 0;    ///< the highest that was asked for
    rtc::LossWatch audio_loss_{50};
    fanout::PacketPtr last_audio_; ///< while packets repeat the one before
    rtc::KeyframeHold hold_;
    fanout::PacketPtr held_frame_; ///< a keyframe whose last packet is kept
    uint16_t held_sequence_ = 0;
    fanout::PacketPtr slow_frame_; ///< a keyframe that is sent as slowly as the network is
    size_t slow_next_ = 0;         ///< its next payload
    double slow_bytes_ = 0, padding_bytes_ = 0; ///< that may leave now
    uint64_t slow_at_ = 0;                      ///< ns; 0: nothing is sent so
    uint32_t shift_ = 0;                        ///< added to the timestamps of video
    uint16_t padding_back_ = 0;                 ///< which packet is repeated next
    bool is_asking_ = false;
    uint64_t reported_ = 0; ///< ns; the last sender report
    uint64_t round_trip_ = 50'000'000;
    struct Repeat {
        uint16_t sequence = 0;
        uint64_t at = 0;
    };
    std::vector<Repeat> repeated_; ///< the last retransmissions; empty: there was none
    size_t next_repeat_ = 0;
    unsigned feedback_ = 0; ///< RTCP datagrams in this second
    unsigned asked_ = 0;    ///< packets that they asked for
    uint64_t feedback_since_ = 0;
};

} // namespace penstock::net
