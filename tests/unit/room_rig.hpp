// SPDX-License-Identifier: LGPL-2.1-or-later
// A room on loopback, and participants that are served by the test's thread: with ICE, DTLS, SRTP
// and a data channel. Include it last: it includes check.hpp.
#pragma once

#include "core/net/rtc/server.h"
#include "core/rtp/packet.h"
#include "core/rtp/rtcp.h"
#include "core/rtp/rtx.h"
#include "core/rtp/twcc_sender.h"
#include "core/sctp/data_channels.h"
#include "rtc/udp.hpp"
#include "unit/http_exchange.hpp"

#include "eventually.hpp"

#include <deque>
#include <map>
#include <mutex>
#include <set>

#include <nlohmann/json.hpp>
#include <sys/eventfd.h>

#include "check.hpp"

namespace room_test {

using namespace rtc_test;
using nlohmann::json;
using penstock_test::eventually;

inline constexpr uint32_t frame_ticks = 3'000, opus_ticks = 960;

inline std::shared_ptr<dtls::Context> clients() {
    static const auto context = dtls::Context::make({.handshakes = 200}, nullptr);
    return context;
}

struct Tap : net::RoomReceiver {
    explicit Tap(bool media = false) : has_media(media) {}
    bool takes_media() const override { return has_media; }
    void on_stream(const net::RoomStream &stream) override {
        std::lock_guard lock(mutex);
        streams[stream.number] = stream;
    }
    void on_tag(uint64_t stream, flv::Tag &&tag) override {
        std::lock_guard lock(mutex);
        tags[stream].push_back(std::move(tag));
    }
    void on_changed(const net::RoomStream &stream) override {
        std::lock_guard lock(mutex);
        streams[stream.number] = stream;
    }
    void on_stream_ended(uint64_t stream) override {
        std::lock_guard lock(mutex);
        ended.insert(stream);
    }
    const bool has_media;
    std::mutex mutex;
    std::map<uint64_t, net::RoomStream> streams;
    std::map<uint64_t, std::vector<flv::Tag>> tags;
    std::set<uint64_t> ended;
};

struct Site {
    explicit Site(net::RoomOptions options = {}, bool media = false) : tap(media) {
        std::string error;
        net::RtcOptions rtc;
        rtc.udp = {"127.0.0.1", 0};
        server = net::RtcServer::open({"127.0.0.1", 0}, {}, rtc, &error);
        fail_unless(server != nullptr, "%s", error.c_str());
        room = server->room("room/standup/join", tap, options, &error);
        fail_unless(room != nullptr, "%s", error.c_str());
    }
    uint16_t port() const { return server->address().port; }
    Tap tap;
    std::shared_ptr<net::RtcServer> server;
    std::unique_ptr<net::RoomClaim> room;
};

/// A VP8 frame in one payload: the descriptor, the frame's header, and whose it is.
inline std::vector<uint8_t> vp8_payload(bool key, uint16_t picture, uint8_t tl0, uint8_t who,
                                        uint16_t height = 360, size_t size = 300) {
    Writer out;
    out.u8(0x90).u8(0xC0).u16(0x8000u | (picture & 0x7FFFu)).u8(tl0);
    if (key)
        out.u8(0x10).u8(0x20).u8(0).u24(0x9D012A);
    else
        out.u8(0x11).u8(0x20).u8(0).u24(0);
    const uint16_t width = static_cast<uint16_t>(height * 16 / 9);
    out.u8(width & 0xFF).u8(width >> 8).u8(height & 0xFF).u8(height >> 8);
    while (out.size() < size)
        out.u8(who);
    return out.take();
}

/// Tells when the next frame is due, so that tests send about as much as cameras do.
class Pace {
public:
    bool is_due() {
        const uint64_t now = steady_ms();
        if (now < next_) return false;
        next_ = now + 20;
        ++frames;
        return true;
    }
    unsigned frames = 0;

private:
    uint64_t next_ = 0;
};

class Participant final : private RtcClient::Handler,
                          private sctp::DataChannels::Handler,
                          private Loop::Watcher {
public:
    struct Settings {
        std::string name = "Ann", headers;
        bool sends = true, screen = false;
        unsigned video_slots = 4, audio_slots = 4;
        std::vector<std::string> rids;
    };
    struct Packet {
        uint16_t sequence = 0;
        uint32_t timestamp = 0;
        bool marker = false, is_rtx = false;
        std::vector<uint8_t> payload;
        uint8_t who() const { return payload.empty() ? 0 : payload.back(); }
        bool is_key() const { return payload.size() > 5 && (payload[5] & 1) == 0; }
        uint16_t picture() const { return uint16_t((payload[2] & 0x7F) << 8 | payload[3]); }
        uint8_t tl0() const { return payload[4]; }
    };

    Participant(Loop &loop, uint16_t port, Settings settings)
        : loop_(loop), settings_(std::move(settings)), port_(port),
          udp_(loop, clients(), rtc_settings(settings_), *this) {
        loop_.watch(alarm_.get(), EPOLLIN, *this); // never ready: it is for the alarm
        loop_.wake(*this, steady_ms() + 10);
    }
    ~Participant() override { loop_.forget(alarm_.get(), *this); }

    int post(const std::string &path = "/room/standup/join") {
        http_test::Exchange exchange(port_);
        exchange.request("POST", path + "?name=" + settings_.name,
                         "Content-Type: application/sdp\r\n" + settings_.headers, rtc().offer());
        const auto answer = exchange.answer();
        refusal = answer.body;
        if (answer.status == 201) {
            location = answer.header("Location");
            const Result result = udp_.accept(answer.body);
            fail_unless(result.is_ok(), "%s", result.reason().c_str());
        }
        return answer.status;
    }
    void join(const std::string &path = "/room/standup/join") {
        fail_unless_equals_int(post(path), 201);
        wait([&] { return find("welcome") != nullptr; });
        id = find("welcome")->at("you");
    }
    template <class Done>
    void wait(Done done) {
        bool is_done = false; // `done` may do something each time
        loop_.run_until([&] { return is_done = is_done || done(); }, 20'000);
        std::string all = settings_.name + ": " + rtc().reason();
        for (const json &text : texts)
            all += "\n  " + text.dump();
        for (const auto &[mid, packets] : received_)
            all += "\n  " + std::to_string(packets.size()) + " packets in " + mid;
        fail_unless(is_done, "%s", all.c_str());
    }
    void leave() {
        http_test::Exchange exchange(port_);
        exchange.request("DELETE", location);
        fail_unless_equals_int(exchange.answer().status, 200);
    }

    // --- texts ----------------------------------------------------------------------------
    bool say(const std::string &text) {
        return channels_ && channel_ && channels_->send_text(*channel_, text, steady_ms());
    }
    void say(const json &message) {
        const std::string text = message.dump();
        wait([&] { return say(text); });
    }
    /// The newest text of this type; nullptr: there is none.
    const json *find(const std::string &type) const {
        for (auto each = texts.rbegin(); each != texts.rend(); ++each)
            if (each->at("type") == type) return &*each;
        return nullptr;
    }
    size_t count(const std::string &type) const {
        return size_t(std::count_if(texts.begin(), texts.end(),
                                    [&](const json &one) { return one.at("type") == type; }));
    }
    /// The mid of the slot that shows somebody's source; empty: none does.
    std::string slot_of(const std::string &who, const std::string &source) const {
        const json *const slots = find("slots");
        if (slots)
            for (const auto &[mid, shows] : slots->at("slots").items())
                if (shows.at("id") == who && shows.at("source") == source) return mid;
        return {};
    }

    // --- media ----------------------------------------------------------------------------
    /// Sends a frame of the camera; with simulcast of this layer. `who` marks it.
    void send_video(bool key, uint8_t who, size_t layer = 0, uint16_t height = 360,
                    size_t size = 300) {
        Track &track = videos_[layer];
        rtp::Packet packet;
        packet.ssrc = rtc().sources().video + 100 * uint32_t(layer);
        send_frame(track, packet, key, who, height, size,
                   settings_.rids.empty() ? "" : settings_.rids[layer]);
    }
    void send_screen(bool key, uint8_t who) {
        rtp::Packet packet;
        packet.ssrc = rtc().sources().screen;
        send_frame(screen_, packet, key, who, 720, 300, "", 2);
    }
    void send_audio(uint8_t level, uint8_t who) {
        const AnsweredTrack &track = sent_track(sdp::Kind::audio, 0);
        rtp::Extensions extensions;
        extensions.audio_level = rtp::AudioLevel{level < 50, level};
        rtp::Packet packet;
        Writer storage, out;
        packet.extension = rtp::write_extensions(extensions, track.extensions, storage);
        packet.payload_type = track.codec.payload_type;
        packet.sequence = audio_.sequence++;
        packet.timestamp = audio_.timestamp += opus_ticks;
        packet.ssrc = rtc().sources().audio;
        const std::vector<uint8_t> payload(40, who);
        packet.payload = payload;
        fail_unless(rtp::write(packet, out));
        fail_unless(udp_.rtc().send_rtp(out.view()));
    }
    void skip_video_sequence(uint16_t by, size_t layer = 0) { videos_[layer].sequence += by; }
    void send_rtcp(const rtp::rtcp::Packet &packet) {
        Writer out;
        fail_unless(rtp::rtcp::write(packet, out));
        fail_unless(udp_.rtc().send_rtcp(out.view()));
    }
    uint32_t ssrc_of(const std::string &mid) const {
        for (const AnsweredTrack &track : rtc().answered().tracks)
            if (track.mid == mid) return track.ssrc;
        return 0;
    }
    std::vector<Packet> &received(const std::string &mid) { return received_[mid]; }
    /// Keyframes that the server asked for, of a layer of the camera.
    unsigned asked(size_t layer = 0) const {
        const auto found = picture_losses.find(rtc().sources().video + 100 * uint32_t(layer));
        return found == picture_losses.end() ? 0 : found->second;
    }

    RtcClient &rtc() { return udp_.rtc(); }
    const RtcClient &rtc() const { return udp_.rtc(); }
    UdpClient &udp() { return udp_; }

    std::string id, location, refusal;
    std::deque<json> texts;
    std::map<uint32_t, unsigned> picture_losses;
    std::map<uint32_t, rtp::rtcp::SenderReport> reports;
    std::vector<uint16_t> nacked;
    bool ended = false, is_deaf = false;
    bool tells_arrivals = true; ///< of packets, for the server's estimate

private:
    struct Track {
        uint16_t sequence = 100, picture = 10;
        uint8_t tl0 = 5;
        uint32_t timestamp = 1'000;
    };

    static RtcClient::Settings rtc_settings(const Settings &settings) {
        RtcClient::Settings out;
        out.offer.sends = settings.sends;
        out.offer.video = out.offer.audio = settings.sends;
        out.offer.screen = settings.screen;
        out.offer.video_slots = settings.video_slots;
        out.offer.audio_slots = settings.audio_slots;
        out.offer.rids = settings.rids;
        out.offer.codec = "VP8";
        out.offer.data = true;
        return out;
    }
    const AnsweredTrack &sent_track(sdp::Kind kind, size_t index) const {
        size_t seen = 0;
        for (const AnsweredTrack &track : rtc().answered().tracks)
            if (!track.is_sent && track.kind == kind && seen++ == index) return track;
        fail_unless(false, "the answer has no such track");
        return rtc().answered().tracks.front();
    }
    void send_frame(Track &track, rtp::Packet &packet, bool key, uint8_t who, uint16_t height,
                    size_t size, const std::string &rid, size_t section = 1) {
        const AnsweredTrack &answered = sent_track(sdp::Kind::video, section - 1);
        rtp::Extensions extensions;
        extensions.rid = rid;
        extensions.mid = answered.mid;
        Writer storage, out;
        packet.extension = rtp::write_extensions(extensions, answered.extensions, storage);
        packet.payload_type = answered.codec.payload_type;
        packet.sequence = track.sequence++;
        packet.timestamp = track.timestamp += frame_ticks;
        packet.marker = true;
        const auto payload = vp8_payload(key, track.picture++, track.tl0++, who, height, size);
        packet.payload = payload;
        fail_unless(rtp::write(packet, out));
        fail_unless(udp_.rtc().send_rtp(out.view()));
    }

    // RtcClient::Handler
    void on_connected() override {
        sctp::DataChannels::Options options;
        options.is_dtls_client = true;
        std::string error;
        channels_ = sctp::DataChannels::make(*this, options, steady_ms(), &error);
        fail_unless(channels_ != nullptr, "%s", error.c_str());
    }
    void on_rtp(ByteView bytes) override {
        rtp::Packet packet;
        fail_unless(rtp::parse(bytes, packet).is_ok());
        for (const AnsweredTrack &track : rtc().answered().tracks) {
            if (!track.is_sent || (track.ssrc != packet.ssrc && track.rtx_ssrc != packet.ssrc))
                continue;
            const auto extensions = rtp::parse_extensions(packet.extension, track.extensions);
            if (extensions.transport_sequence && tells_arrivals)
                arrivals_.received(*extensions.transport_sequence, steady_ns());
            rtp::Packet original = packet;
            const bool is_rtx = track.rtx_ssrc == packet.ssrc;
            if (is_rtx) fail_unless(rtp::unwrap_rtx(packet, 0, track.ssrc, original));
            received_[track.mid].push_back(
                {original.sequence, original.timestamp, original.marker, is_rtx,
                 std::vector<uint8_t>(original.payload.begin(), original.payload.end())});
            return;
        }
        fail_unless(false, "a packet of an SSRC that was not announced");
    }
    void on_rtcp(ByteView bytes) override {
        rtp::rtcp::Compound parsed;
        if (!rtp::rtcp::parse(bytes, parsed).is_ok()) return;
        for (const auto &each : parsed.packets) {
            if (const auto *report = std::get_if<rtp::rtcp::SenderReport>(&each))
                reports[report->ssrc] = *report;
            if (const auto *lost = std::get_if<rtp::rtcp::PictureLoss>(&each))
                ++picture_losses[lost->media];
            if (const auto *nack = std::get_if<rtp::rtcp::Nack>(&each))
                nack->for_each([&](uint16_t sequence) { nacked.push_back(sequence); });
        }
    }
    void on_data(ByteView packet) override {
        if (channels_ && !is_deaf) channels_->receive(packet, steady_ms());
    }
    void on_ended(const std::string &) override { ended = true; }

    // sctp::DataChannels::Handler
    void on_packet(ByteView packet) noexcept override { udp_.rtc().send_data(packet); }
    void on_open(uint16_t opened, const std::string &label) override {
        if (label == "room") channel_ = opened;
    }
    void on_text(uint16_t, std::string_view text) override { texts.push_back(json::parse(text)); }
    void on_binary(uint16_t, ByteView) override {}
    void on_channel_closed(uint16_t) override { channel_.reset(); }
    void on_closed(const std::string &) override {
        channel_.reset();
        closed_ = true;
    }

    void on_ready(uint32_t) override {
        loop_.wake(*this, steady_ms() + 10);
        if (!channels_ || !udp_.rtc().is_connected()) return;
        if (!is_asked_) is_asked_ = channels_->open("room", steady_ms()).has_value();
        channels_->check(steady_ms());
        while (auto feedback = arrivals_.take_feedback(steady_ns())) {
            feedback->sender = 1;
            send_rtcp(*feedback);
        }
    }

    Loop &loop_;
    const Settings settings_;
    const uint16_t port_;
    const Descriptor alarm_{eventfd(0, EFD_NONBLOCK)};
    UdpClient udp_;
    std::unique_ptr<sctp::DataChannels> channels_;
    std::optional<uint16_t> channel_;
    bool is_asked_ = false, closed_ = false;
    rtp::ArrivalLog arrivals_;
    std::map<size_t, Track> videos_;
    Track screen_, audio_;
    std::map<std::string, std::vector<Packet>> received_;
};

} // namespace room_test
