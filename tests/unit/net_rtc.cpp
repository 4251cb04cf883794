// SPDX-License-Identifier: LGPL-2.1-or-later
// The WebRTC server on loopback: viewers by WHEP and publishers by WHIP, with real ICE, DTLS and
// SRTP over UDP; what is refused, repaired, and what ends them.
#include "core/codec/nal.h"
#include "core/net/rtc/server.h"
#include "core/rtp/packet.h"
#include "core/rtp/payload/nal_depacketizer.h"
#include "core/rtp/payload/nal_packetizer.h"
#include "core/rtp/rtcp.h"
#include "core/rtp/rtx.h"
#include "rtc/udp.hpp"
#include "unit/http_exchange.hpp"

#include "eventually.hpp"
#include "flv_samples.hpp"

#include <map>
#include <mutex>
#include <thread>

#include "check.hpp"

using namespace rtc_test;
using namespace samples;
namespace payload = penstock::rtp::payload;

namespace {

constexpr uint32_t frame_ms = 33;
constexpr size_t frame_size = 9'000;

std::shared_ptr<dtls::Context> clients() {
    static const auto context = dtls::Context::make({}, nullptr);
    return context;
}

net::RtcOptions options() {
    net::RtcOptions options;
    options.udp = {"127.0.0.1", 0};
    return options;
}

std::shared_ptr<net::RtcServer> open_server() {
    std::string error;
    auto server = net::RtcServer::open({"127.0.0.1", 0}, {}, options(), &error);
    fail_unless(server != nullptr, "%s", error.c_str());
    return server;
}

/// A picture of `size` bytes in one NAL unit; `mark` tells it from others.
std::vector<uint8_t> picture(bool key, uint32_t mark, size_t size = frame_size) {
    Writer out;
    out.u32(static_cast<uint32_t>(size));
    out.u8(key ? 0x65 : 0x41).u8(0x88).u32(0x01010101u + mark * 0x01000100u);
    while (out.size() < size + 4)
        out.u8(static_cast<uint8_t>(1 + (out.size() * 7 + mark) % 255));
    return out.take();
}

flv::Tag video(bool key, uint32_t ms, int32_t composition = 0, size_t size = frame_size) {
    Writer body;
    body.u8(key ? 0x17 : 0x27).u8(1).u24(static_cast<uint32_t>(composition));
    body.bytes(picture(key, ms, size));
    return flv::make_tag(flv::TagType::video, ms, body.view());
}

flv::Tag opus(uint32_t ms, bool config = false) {
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

Answer request(uint16_t port, const std::string &method, const std::string &path,
               const std::string &headers = {}, const std::string &body = {}) {
    http_test::Exchange exchange(port);
    exchange.request(method, path, headers, body);
    return exchange.answer();
}

/// A WebRTC client of the server, served by the test's thread.
class Client : public RtcClient::Handler {
public:
    explicit Client(uint16_t port, RtcClient::Settings settings = {})
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
    void connect(const std::string &path) {
        const Answer response = post(path);
        fail_unless_equals_int(response.status, 201);
        fail_unless(until([&] { return client.rtc().is_connected(); }), "%s",
                    client.rtc().reason().c_str());
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
        for (const auto &each : parsed.packets) {
            if (const auto *report = std::get_if<rtp::rtcp::SenderReport>(&each))
                reports.push_back(*report);
            if (std::get_if<rtp::rtcp::Goodbye>(&each)) ++goodbyes;
            if (std::get_if<rtp::rtcp::PictureLoss>(&each)) ++picture_losses;
            if (const auto *nack = std::get_if<rtp::rtcp::Nack>(&each))
                nack->for_each([&](uint16_t sequence) { asked.push_back(sequence); });
        }
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

    struct Received {
        std::vector<uint8_t> bytes;
        uint32_t timestamp;
        bool marker;
    };
    Loop loop;
    const uint16_t port_;
    UdpClient client;
    std::string location;
    std::map<uint16_t, Received> video_packets;
    std::vector<uint32_t> audio;
    std::vector<rtp::rtcp::SenderReport> reports;
    std::vector<uint16_t> asked;
    unsigned repeated = 0, goodbyes = 0, picture_losses = 0;
    std::function<bool(uint16_t)> lose;
    bool ended = false;
};

RtcClient::Settings publisher_settings() {
    RtcClient::Settings settings;
    settings.offer.sends = true;
    settings.offer.codec = "H264";
    return settings;
}

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

} // namespace

GST_START_TEST(test_viewer) {
    const auto server = open_server();
    Stream stream(*server);
    stream.push_frames(20);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    // The cached GOP comes at once, folded to before the edge.
    fail_unless(client.until([&] { return client.frames().size() >= 20; }));
    const auto folded = client.frames();
    fail_unless(folded.front().keyframe);
    for (size_t i = 0; i < 20; ++i) {
        fail_unless(std::ranges::equal(folded[i].bytes.view(), picture(i == 0, uint32_t(i) * 33)));
        if (i > 0) fail_unless_equals_int(folded[i].timestamp - folded[i - 1].timestamp, 90);
    }
    fail_unless(client.audio.empty());
    stream.push_frames(5);
    fail_unless(
        client.until([&] { return client.frames().size() >= 25 && client.audio.size() >= 5; }));
    const auto all = client.frames();
    fail_unless_equals_int(all[24].timestamp - all[23].timestamp, 90 * frame_ms);
    fail_unless_equals_int(client.audio[4] - client.audio[3], 960);
    fail_unless(!client.reports.empty());
    fail_unless_equals_int(stream.feed->stats().viewers, 1);
    // It leaves by DELETE, once.
    fail_unless_equals_int(request(client.port_, "DELETE", client.location).status, 200);
    fail_unless(penstock_test::eventually([&] { return stream.feed->stats().viewers == 0; }));
    fail_unless_equals_int(request(client.port_, "DELETE", client.location).status, 404);
    fail_unless(client.until([&] { return client.ended; }));
}
GST_END_TEST

GST_START_TEST(test_repair) {
    for (const bool folded : {true, false}) {
        const auto server = open_server();
        Stream stream(*server);
        stream.push_frames(10);
        Client client(server->address().port);
        std::optional<uint16_t> lost;
        unsigned seen = 0;
        client.lose = [&](uint16_t sequence) {
            if (!lost && ++seen == 5) lost = sequence;
            return lost == sequence;
        };
        if (!folded) seen = 100;
        client.connect("/live/cam/whep");
        if (!folded) {
            fail_unless(client.until([&] { return client.frames().size() >= 10; }));
            seen = 0;
        }
        stream.push_frames(10);
        fail_unless(client.until([&] { return lost.has_value(); }));
        client.send_nack(*lost);
        fail_unless(client.until([&] { return client.frames().size() >= 20; }));
        fail_unless_equals_int(client.repeated, 1);
        // What was never sent is not sent again.
        client.send_nack(static_cast<uint16_t>(*lost - 2000));
        stream.push_frames(1);
        fail_unless(client.until([&] { return client.frames().size() >= 21; }));
        fail_unless_equals_int(client.repeated, 1);
    }
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    const auto server = open_server();
    Stream stream(*server);
    const uint16_t port = server->address().port;
    fail_unless_equals_int(Client(port).post("/live/other/whep").status, 404);
    fail_unless_equals_int(Client(port, publisher_settings()).post("/live/cam/whip").status, 404);
    // A stream with B-frames is refused by name.
    stream.push_frames(3);
    stream.feed->push(video(false, stream.time, 66));
    stream.feed->push(video(false, stream.time + 33, 0));
    const Answer refused = Client(port).post("/live/cam/whep");
    fail_unless_equals_int(refused.status, 406);
    fail_unless(refused.body.find("B-frames") != std::string::npos, "%s", refused.body.c_str());
}
GST_END_TEST

GST_START_TEST(test_stream_ends) {
    const auto server = open_server();
    net::PlayFeedOptions how;
    how.ending.grace = std::chrono::milliseconds(50);
    auto stream = std::make_unique<Stream>(*server, how);
    stream->push_frames(3);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    stream.reset();
    fail_unless(client.until([&] { return client.ended && client.goodbyes > 0; }));
    fail_unless_equals_int(Client(server->address().port).post("/live/cam/whep").status, 404);
}
GST_END_TEST

GST_START_TEST(test_producer_comes_back) {
    const auto server = open_server();
    auto stream = std::make_unique<Stream>(*server);
    stream->push_frames(3);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    stream.reset();
    stream = std::make_unique<Stream>(*server);
    stream->push_frames(3);
    fail_unless(client.until([&] { return client.frames().size() >= 6; }));
    fail_unless(client.frames()[3].keyframe && !client.ended);
}
GST_END_TEST

GST_START_TEST(test_keyframe_is_asked_for) {
    const auto server = open_server();
    std::atomic<unsigned> asked{0};
    net::PlayFeedOptions how;
    how.on_keyframe_wanted = [&] { ++asked; };
    Stream stream(*server, how);
    stream.push_frames(3);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    Writer out;
    rtp::rtcp::write(rtp::rtcp::PictureLoss{1, client.client.rtc().answered().video->ssrc}, out);
    for (int i = 0; i < 20; ++i)
        fail_unless(client.client.rtc().send_rtcp(out.view()));
    stream.push_frames(3);
    fail_unless(client.until([&] { return client.frames().size() >= 6; }));
    fail_unless(penstock_test::eventually([&] { return asked == 1; }));
}
GST_END_TEST

GST_START_TEST(test_publisher) {
    const auto server = open_server();
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam/whip", receiver, {}, &error);
    fail_unless(claim != nullptr, "%s", error.c_str());
    Client client(server->address().port, publisher_settings());
    client.connect("/live/cam/whip");
    fail_unless_equals_int(receiver.published, 1);
    const auto &track = *client.client.rtc().answered().video;
    payload::NalPacketizer packetizer(codec::NalCodec::avc);
    fail_unless(packetizer.configure(avc_config()).is_ok());
    uint16_t sequence = 100;
    std::map<uint16_t, std::vector<uint8_t>> sent;
    const auto send = [&](unsigned index, bool loses) {
        payload::Payloads payloads;
        const auto frame = picture(index == 0, index); // to which the payloads refer
        fail_unless(packetizer.packetize(frame, index == 0, payloads).is_ok());
        for (size_t i = 0; i < payloads.size(); ++i, ++sequence) {
            std::vector<uint8_t> bytes;
            payloads.append_to(bytes, i);
            rtp::Packet packet;
            packet.marker = payloads[i].marker;
            packet.payload_type = track.codec.payload_type;
            packet.sequence = sequence;
            packet.timestamp = index * 90 * frame_ms;
            packet.ssrc = client.client.rtc().sources().video;
            packet.payload = bytes;
            Writer out;
            fail_unless(rtp::write(packet, out));
            sent[sequence] = out.take();
            if (!(loses && i == 2)) fail_unless(client.client.rtc().send_rtp(sent[sequence]));
        }
    };
    for (unsigned i = 0; i < 5; ++i)
        send(i, i == 3);
    // The packet that was lost is asked for, and repairs the frame.
    fail_unless(client.until([&] { return !client.asked.empty(); }));
    fail_unless(client.client.rtc().send_rtp(sent[client.asked.front()]));
    fail_unless(client.until([&] { return receiver.frames() >= 5; }));
    {
        std::lock_guard lock(receiver.mutex);
        for (unsigned i = 0; i < 5; ++i) {
            const auto body = receiver.video[i].body_view().subspan(5);
            const auto expected = picture(i == 0, i);
            fail_unless(std::ranges::equal(body, expected));
            if (i > 0)
                fail_unless_equals_int(
                    receiver.video[i].timestamp - receiver.video[i - 1].timestamp, frame_ms);
        }
    }
    fail_unless_equals_int(receiver.configs, 1);
    // A second publisher of the name is refused, and a keyframe can be asked for.
    fail_unless_equals_int(
        Client(server->address().port, publisher_settings()).post("/live/cam/whip").status, 409);
    const unsigned before = client.picture_losses;
    fail_unless(claim->want_keyframe());
    fail_unless(client.until([&] { return client.picture_losses > before; }));
    fail_unless_equals_int(request(client.port_, "DELETE", client.location).status, 200);
    fail_unless(penstock_test::eventually([&] { return receiver.unpublished == 1; }));
}
GST_END_TEST

GST_START_TEST(test_key) {
    const auto server = open_server();
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam/whip", receiver, {.key = "secret"}, &error);
    const uint16_t port = server->address().port;
    fail_unless_equals_int(Client(port, publisher_settings()).post("/live/cam/whip").status, 401);
    fail_unless_equals_int(Client(port, publisher_settings())
                               .post("/live/cam/whip", "Authorization: Bearer wrong\r\n")
                               .status,
                           401);
    fail_unless_equals_int(receiver.published, 0);
    Client client(port, publisher_settings());
    fail_unless_equals_int(client.post("/live/cam/whip", "Authorization: Bearer secret\r\n").status,
                           201);
    fail_unless_equals_int(receiver.published, 1);
}
GST_END_TEST

static Suite *net_rtc_suite() {
    Suite *s = suite_create("net_rtc");
    TCase *tc = tcase_create("all");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_viewer);
    tcase_add_test(tc, test_repair);
    tcase_add_test(tc, test_refusals);
    tcase_add_test(tc, test_stream_ends);
    tcase_add_test(tc, test_producer_comes_back);
    tcase_add_test(tc, test_keyframe_is_asked_for);
    tcase_add_test(tc, test_publisher);
    tcase_add_test(tc, test_key);
    return s;
}
GST_CHECK_MAIN(net_rtc)
