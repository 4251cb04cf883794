// SPDX-License-Identifier: LGPL-2.1-or-later
// A participant of a room: it joins with a data channel, may send a camera and a microphone, and
// counts what the others' are like when they get here.
#pragma once

#include "../../fanout/load/histogram.h"

#include "core/rtp/twcc_sender.h"
#include "core/sctp/data_channels.h"
#include "rtc/http.hpp"
#include "rtc/reception.hpp"
#include "rtc/udp.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace room_load {

using namespace penstock;

/// Measurements of all participants, while the window is open.
struct Tally {
    bool is_open = false;
    load::Histogram latency; ///< of packets of video, from just before they were sent
    load::Histogram joined;  ///< from the request to the welcome, whenever
    uint64_t packets = 0, bytes = 0, sent = 0;
};

class Participant final : private rtc_test::RtcClient::Handler,
                          private sctp::DataChannels::Handler {
public:
    struct Settings {
        rtc_test::HttpUrl url;
        double video_bitrate = 500'000, frame_rate = 15;
    };

    /// `sends`: a camera and a microphone. `decrypts`: it looks into all packets for latencies; the
    /// others count them by their headers.
    Participant(rtc_test::Loop &loop, std::shared_ptr<dtls::Context> context,
                const Settings &settings, unsigned number, bool sends, bool decrypts, Tally &tally);

    /// What is due: texts, feedback, reports.
    void check(int64_t now);
    void send_frame(int64_t now);
    void send_audio(bool speaks);
    void leave();

    bool is_in() const { return is_in_; }
    bool sends() const { return sends_; }
    const std::string &error() const { return error_; }
    uint64_t lost() const;
    uint64_t packets() const; ///< that came, of all slots
    uint64_t refused() const { return client_.rtc().refused(); }
    uint64_t dropped() const { return client_.socket().dropped(); }

private:
    // RtcClient::Handler
    void on_connected() override;
    void on_rtp(ByteView bytes) override;
    void on_rtcp(ByteView bytes) override;
    void on_data(ByteView packet) override;
    void on_ended(const std::string &reason) override { error_ = reason; }
    // sctp::DataChannels::Handler
    void on_packet(ByteView packet) noexcept override { client_.rtc().send_data(packet); }
    void on_open(uint16_t opened, const std::string &) override { channel_ = opened; }
    void on_text(uint16_t, std::string_view text) override;
    void on_binary(uint16_t, ByteView) override {}
    void on_channel_closed(uint16_t) override { channel_.reset(); }
    void on_closed(const std::string &) override { channel_.reset(); }

    void take_answer(const rtc_test::HttpExchange &exchange);
    void send(const rtc_test::AnsweredTrack &track, uint32_t ssrc, uint16_t sequence,
              uint32_t timestamp, bool marker, std::optional<rtp::AudioLevel> level,
              ByteView payload);
    const rtc_test::AnsweredTrack *sent_track(sdp::Kind kind) const;

    const Settings &settings_;
    const bool sends_;
    Tally &tally_;
    rtc_test::Loop &loop_;
    rtc_test::UdpClient client_;
    std::unique_ptr<rtc_test::HttpExchange> request_;
    std::unique_ptr<sctp::DataChannels> channels_;
    std::optional<uint16_t> channel_;
    rtp::ArrivalLog arrivals_;
    std::map<uint32_t, rtc_test::Reception> received_; ///< by SSRC, those of repetitions left out
    std::map<uint32_t, const rtc_test::AnsweredTrack *> slots_; ///< so
    std::string location_, error_;
    int64_t began_ns_, reported_ns_ = 0;
    bool is_asked_ = false, is_in_ = false, has_said_ = false, wants_key_ = true;
    uint16_t video_sequence_ = 1'000, audio_sequence_ = 1'000, picture_ = 1;
    uint8_t tl0_ = 0;
    uint32_t video_time_ = 0, audio_time_ = 0;
};

} // namespace room_load
