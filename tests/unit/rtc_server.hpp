// SPDX-License-Identifier: LGPL-2.1-or-later
// A WebRTC server on loopback with a stream, clients of it that are served by the test's thread,
// and a receiver of publishers.
#pragma once

#include "core/codec/nal.h"
#include "core/net/rtc/server.h"
#include "core/rtp/packet.h"
#include "core/rtp/payload/nal_depacketizer.h"
#include "core/rtp/payload/nal_packetizer.h"
#include "core/rtp/rtcp.h"
#include "core/rtp/rtx.h"
#include "rtc/reception.hpp"
#include "rtc/tcp.hpp"
#include "rtc/udp.hpp"
#include "unit/http_exchange.hpp"

#include "eventually.hpp"
#include "flv_samples.hpp"

#include <map>
#include <mutex>
#include <thread>

#include "check.hpp"

namespace rtc_server_test {

using namespace rtc_test;
using namespace samples;
namespace payload = penstock::rtp::payload;

inline constexpr uint32_t frame_ms = 33;
inline constexpr size_t frame_size = 9'000;

inline std::shared_ptr<dtls::Context> clients() {
    static const auto context = dtls::Context::make({}, nullptr);
    return context;
}

inline net::RtcOptions options() {
    net::RtcOptions options;
    options.udp = {"127.0.0.1", 0};
    return options;
}

inline std::shared_ptr<net::RtcServer> open_server() {
    std::string error;
    auto server = net::RtcServer::open({"127.0.0.1", 0}, {}, options(), &error);
    fail_unless(server != nullptr, "%s", error.c_str());
    return server;
}

/// A picture of `size` bytes in one NAL unit; `mark` tells it from others.
inline std::vector<uint8_t> picture(bool key, uint32_t mark, size_t size = frame_size) {
    Writer out;
    out.u32(static_cast<uint32_t>(size));
    out.u8(key ? 0x65 : 0x41).u8(0x88).u32(0x01010101u + mark * 0x01000100u);
    while (out.size() < size + 4)
        out.u8(static_cast<uint8_t>(1 + (out.size() * 7 + mark) % 255));
    return out.take();
}

inline flv::Tag video(bool key, uint32_t ms, int32_t composition = 0, size_t size = frame_size) {
    Writer body;
    body.u8(key ? 0x17 : 0x27).u8(1).u24(static_cast<uint32_t>(composition));
    body.bytes(picture(key, ms, size));
    return flv::make_tag(flv::TagType::video, ms, body.view());
}

inline flv::Tag opus(uint32_t ms, bool config = false) {
    Writer body;
    body.u8(config ? 0x90 : 0x91).u32(flv::fourcc("Opus"));
    if (config)
        body.bytes(from_hex("4f707573486561640102000080bb0000000000"));
    else
        body.bytes(from_hex("fc0102030405060708")); // 20 ms, stereo
    return flv::make_tag(flv::TagType::audio, ms, body.view());
}

/// Feeds a stream with a keyframe each second.
class Stream {
public:
    explicit Stream(net::RtcServer &server, net::PlayFeedOptions how = {}) {
        std::string error;
        how.policy.join = fanout::Join::fast_forward;
        feed = server.feed("live/cam/whep", how, &error);
        fail_unless(feed != nullptr, "%s", error.c_str());
        feed->push(video_config());
        feed->push(opus(0, true));
    }
    void push_frame() {
        const bool key = frames++ % 30 == 0;
        feed->push(video(key, time));
        for (; audio_time <= time; audio_time += 20)
            feed->push(opus(audio_time));
        time += frame_ms;
    }
    void push_frames(unsigned count) {
        for (unsigned i = 0; i < count; ++i)
            push_frame();
    }
    std::unique_ptr<net::PlayFeed> feed;
    uint32_t time = 0, audio_time = 0; ///< ms
    unsigned frames = 0;
};

using http_test::Answer;

inline Answer request(uint16_t port, const std::string &method, const std::string &path,
                      const std::string &headers = {}, const std::string &body = {}) {
    http_test::Exchange exchange(port);
    exchange.request(method, path, headers, body);
    return exchange.answer();
}

/// A WebRTC client of the server, served by the test's thread. `Driver`: UdpClient, TcpClient.
template <class Driver>
class ClientOf : public RtcClient::Handler {
public:
    explicit ClientOf(uint16_t port, RtcClient::Settings settings = {})
        : port_(port), client(loop, clients(), settings, *this) {}

    Answer post(const std::string &path, const std::string &headers = {}) {
        Answer response =
            request(port_, "POST", path, "Content-Type: application/sdp\r\n" + headers,
                    client.rtc().offer());
        if (response.status == 201) {
            location = response.header("Location");
            const Result result = client.accept(response.body);
            fail_unless(result.is_ok(), "%s", result.reason().c_str());
        }
        return response;
    }
    /// Returns the ETag of its session.
    std::string connect(const std::string &path) {
        const Answer response = post(path);
        fail_unless_equals_int(response.status, 201);
        fail_unless(until([&] { return client.rtc().is_connected(); }), "%s",
                    client.rtc().reason().c_str());
        return response.header("ETag");
    }
    template <class Done>
    bool until(Done done) {
        return loop.run_until(done, 20'000);
    }

    void on_rtp(ByteView bytes) override {
        rtp::Packet packet;
        fail_unless(rtp::parse(bytes, packet).is_ok());
        const AnsweredTrack *track = client.rtc().answered().track_of(packet.payload_type);
        fail_unless(track != nullptr);
        if (track->rtx == packet.payload_type) {
            rtp::Packet original;
            if (!rtp::unwrap_rtx(packet, track->codec.payload_type, track->ssrc, original)) return;
            ++repeated;
            packet = original;
        } else if (lose && track->kind == sdp::Kind::video && lose(packet.sequence)) {
            return;
        }
        if (track->kind == sdp::Kind::audio) {
            redundant += track->red == packet.payload_type;
            audio.push_back(packet.timestamp);
            return;
        }
        video_packets[packet.sequence] = {
            std::vector<uint8_t>(packet.payload.begin(), packet.payload.end()), packet.timestamp,
            packet.marker};
    }
    void on_rtcp(ByteView bytes) override {
        rtp::rtcp::Compound parsed;
        if (!rtp::rtcp::parse(bytes, parsed).is_ok()) return;
        size_t its_reports = 0;
        for (const auto &each : parsed.packets) {
            if (const auto *report = std::get_if<rtp::rtcp::SenderReport>(&each)) {
                reports.push_back(*report);
                ++its_reports;
            }
            if (std::get_if<rtp::rtcp::Goodbye>(&each)) ++goodbyes;
            if (std::get_if<rtp::rtcp::PictureLoss>(&each)) ++picture_losses;
            if (const auto *nack = std::get_if<rtp::rtcp::Nack>(&each))
                nack->for_each([&](uint16_t sequence) { asked.push_back(sequence); });
        }
        most_reports = std::max(most_reports, its_reports);
    }
    void on_ended(const std::string &) override { ended = true; }

    /// Puts the video's packets together, up to the first that is missing.
    std::vector<payload::Frame> frames() const {
        payload::NalDepacketizer depacketizer(codec::NalCodec::avc);
        std::vector<payload::Frame> out;
        std::optional<uint16_t> last;
        for (const auto &[sequence, packet] : video_packets) {
            if (last && sequence != static_cast<uint16_t>(*last + 1)) break;
            last = sequence;
            (void)depacketizer.push({packet.bytes, packet.timestamp, packet.marker, false}, out);
        }
        return out;
    }
    void send_nack(uint16_t sequence) {
        rtp::rtcp::Nack nack;
        nack.sender = 1;
        nack.media = client.rtc().answered().video->ssrc;
        nack.set({&sequence, 1});
        Writer out;
        rtp::rtcp::write(nack, out);
        fail_unless(client.rtc().send_rtcp(out.view()));
    }

    /// Reports about both tracks: highest sequence numbers, and packets lost so far.
    void send_report(uint32_t highest, int32_t lost) {
        std::vector<rtp::rtcp::ReportBlock> blocks(2);
        blocks[0].ssrc = client.rtc().answered().video->ssrc;
        blocks[1].ssrc = client.rtc().answered().audio->ssrc;
        for (auto &block : blocks) {
            block.highest_sequence = highest;
            block.lost = lost;
        }
        fail_unless(client.rtc().send_rtcp(write_reports(1, "name", std::move(blocks))));
    }

    struct Received {
        std::vector<uint8_t> bytes;
        uint32_t timestamp;
        bool marker;
    };
    Loop loop;
    const uint16_t port_;
    Driver client;
    std::string location;
    std::map<uint16_t, Received> video_packets;
    std::vector<uint32_t> audio;
    std::vector<rtp::rtcp::SenderReport> reports;
    size_t most_reports = 0; ///< in one packet
    std::vector<uint16_t> asked;
    unsigned redundant = 0; ///< packets of audio with another in them
    unsigned repeated = 0, goodbyes = 0, picture_losses = 0;
    std::function<bool(uint16_t)> lose;
    bool ended = false;
};

using Client = ClientOf<UdpClient>;

/// A viewer that has to go on undisturbed while others misbehave.
class Bystander {
public:
    Bystander(net::RtcServer &server, Stream &stream)
        : stream_(stream), client(server.address().port, settings()) {
        stream.push_frames(3);
        client.connect("/live/cam/whep");
        fail_unless(client.until([&] { return client.frames().size() >= 3; }));
        next_ = client.video_packets.begin()->first;
        take_packets();
        goes_on();
    }
    /// Fails unless the next frames come, complete and without a gap. Each is awaited, since a
    /// viewer that is behind at a keyframe goes on there.
    void goes_on(unsigned frames = 3) {
        for (unsigned i = 0; i < frames; ++i) {
            stream_.push_frame();
            fail_unless(client.until([&] { return !client.frames().empty(); }), "%s",
                        client.client.rtc().reason().c_str());
            fail_unless_equals_int(client.frames().size(), 1);
            take_packets();
        }
    }
    /// Fails unless the server answers its checks.
    void gives_consent() {
        const unsigned before = client.client.rtc().checks()->answers();
        fail_unless(client.until(
            [&] { return client.client.rtc().checks()->answers() > before || client.ended; }));
        fail_unless(!client.ended);
    }

private:
    static RtcClient::Settings settings() {
        RtcClient::Settings settings;
        settings.checks.consent_ms = 20;
        return settings;
    }
    void take_packets() {
        fail_unless_equals_int(client.video_packets.begin()->first, next_);
        next_ = static_cast<uint16_t>(client.video_packets.rbegin()->first + 1);
        client.video_packets.clear();
    }
    Stream &stream_;
    uint16_t next_ = 0; ///< sequence number

public:
    Client client;
};

inline RtcClient::Settings publisher_settings() {
    RtcClient::Settings settings;
    settings.offer.sends = true;
    settings.offer.codec = "H264";
    return settings;
}

/// Makes packets of a publisher's video, frame by frame.
class VideoSender {
public:
    explicit VideoSender(RtcClient &publisher) : publisher_(publisher) {
        fail_unless(packetizer_.configure(avc_config()).is_ok());
    }
    /// Those of the next frame, which are to be sent; the first is a keyframe in any case.
    std::vector<std::vector<uint8_t>> make_frame(bool key = false) {
        const unsigned index = frames_++;
        key = key || index == 0;
        const RtcClient &rtc = publisher_;
        payload::Payloads payloads;
        const auto frame = picture(key, index); // to which the payloads refer
        fail_unless(packetizer_.packetize(frame, key, payloads).is_ok());
        std::vector<std::vector<uint8_t>> out;
        for (size_t i = 0; i < payloads.size(); ++i) {
            std::vector<uint8_t> bytes;
            payloads.append_to(bytes, i);
            rtp::Packet packet;
            packet.marker = payloads[i].marker;
            packet.payload_type = rtc.answered().video->codec.payload_type;
            packet.sequence = sequence++;
            packet.timestamp = index * 90 * frame_ms;
            packet.ssrc = rtc.sources().video;
            packet.payload = bytes;
            Writer writer;
            fail_unless(rtp::write(packet, writer));
            out.push_back(writer.take());
        }
        return out;
    }
    void send_frame(bool key = false) {
        for (const auto &packet : make_frame(key))
            fail_unless(publisher_.send_rtp(packet));
    }

    uint16_t sequence = 100; ///< of the next packet

private:
    RtcClient &publisher_;
    payload::NalPacketizer packetizer_{codec::NalCodec::avc};
    unsigned frames_ = 0;
};

/// Collects what a publisher sends.
struct Receiver : net::TagReceiver {
    void on_published(const net::Publisher &) override { ++published; }
    void on_unpublished(const std::string &) override { ++unpublished; }
    bool on_tag(flv::Tag &&tag) override {
        std::lock_guard lock(mutex);
        if (tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame)
            video.push_back(tag);
        else if (tag.kind == flv::TagKind::config && tag.type == flv::TagType::video)
            ++configs;
        else if (tag.kind == flv::TagKind::audio)
            ++audio;
        return true;
    }
    size_t frames() {
        std::lock_guard lock(mutex);
        return video.size();
    }
    std::mutex mutex;
    std::vector<flv::Tag> video;
    std::atomic<unsigned> published{0}, unpublished{0}, configs{0}, audio{0};
};

} // namespace rtc_server_test
