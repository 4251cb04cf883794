// SPDX-License-Identifier: LGPL-2.1-or-later
// The WebRTC client of the tests, against a peer that is made of the same parts: it connects, and
// media flows both ways, over vectors of bytes and over UDP; what is wrong or lost on the way.
#include "rtc/peer.hpp"
#include "rtc/reception.hpp"
#include "rtc/udp.hpp"

#include <deque>

#include "check.hpp"

using namespace rtc_test;
using srtp::Profile;

namespace {

const stun::TransportAddress server_at = stun::TransportAddress::v4({127, 0, 0, 1}, 8189);
const stun::TransportAddress client_at = stun::TransportAddress::v4({127, 0, 0, 1}, 50'000);
using Packets = std::vector<std::vector<uint8_t>>;
constexpr Profile profiles[] = {Profile::aead_aes_128_gcm, Profile::aes128_cm_sha1_80};

std::shared_ptr<dtls::Context> client_context() {
    static const auto context = dtls::Context::make({}, nullptr);
    return context;
}
std::shared_ptr<dtls::Context> server_context() {
    static const auto context = dtls::Context::make({}, nullptr);
    return context;
}

/// Collects what a client reports.
struct Events : RtcClient::Handler {
    void on_connected() override { ++connected; }
    void on_rtp(ByteView packet) override { rtp.emplace_back(packet.begin(), packet.end()); }
    void on_rtcp(ByteView packet) override { rtcp.emplace_back(packet.begin(), packet.end()); }
    void on_ended(const std::string &reason) override { ended = reason; }

    unsigned connected = 0;
    std::string ended;
    Packets rtp, rtcp;
};

/// What one side has sent and the other has not received.
struct Wire : RtcClient::Output {
    void send(const stun::TransportAddress &to, ByteView bytes) override {
        if (to == expected) datagrams.emplace_back(bytes.begin(), bytes.end());
    }
    stun::TransportAddress expected;
    std::deque<std::vector<uint8_t>> datagrams;
};

/// A client and a server, and the datagrams between them.
struct Pair {
    explicit Pair(RtcClient::Settings settings = {})
        : client(client_context(), settings, events, to_server), peer(server_context(), to_client),
          sends(!settings.offer.sends) {
        to_server.expected = server_at;
        to_client.expected = client_at;
    }
    std::string answer() {
        const Result result = peer.answer(client.offer(), sends, server_at, now);
        fail_unless(result.is_ok(), "%s", result.reason().c_str());
        return peer.answered().text;
    }
    void exchange() {
        while (!to_server.datagrams.empty() || !to_client.datagrams.empty()) {
            for (auto &one : std::exchange(to_server.datagrams, {}))
                peer.receive(client_at, one, now);
            for (auto &one : std::exchange(to_client.datagrams, {}))
                client.receive(server_at, one, now);
        }
    }
    void connect() {
        const Result result = client.accept(answer(), now);
        fail_unless(result.is_ok(), "%s", result.reason().c_str());
        exchange();
        fail_unless(client.is_connected() && peer.is_connected(), "%s", client.reason().c_str());
        fail_unless_equals_int(events.connected, 1);
    }
    void pass(uint64_t ms) {
        now += ms;
        client.advance(now);
    }

    Events events;
    Wire to_server, to_client;
    uint64_t now = 1'000;
    RtcClient client;
    RtcPeer peer;
    bool sends;
};

std::vector<uint8_t> rtp_packet(uint8_t type, uint16_t sequence, uint32_t ssrc, size_t size) {
    Writer out;
    out.u8(0x80).u8(type).u16(sequence).u32(90 * sequence).u32(ssrc);
    for (size_t i = 0; i < size; ++i)
        out.u8(i + sequence);
    return out.take();
}

std::vector<uint8_t> report(uint32_t ssrc) {
    return write_reports(ssrc, "name", {});
}

/// Packets and reports in both directions, which `deliver` carries.
template <class Deliver>
void carry_media(RtcClient &client, RtcPeer &peer, Events &events, Deliver deliver) {
    Packets down, up;
    for (uint16_t i = 1; i <= 50; ++i) {
        down.push_back(rtp_packet(96, i, 11, 20 * i));
        up.push_back(rtp_packet(96, uint16_t(0xFFF0 + i), 5, 25 * i)); // wraps
        fail_unless(
            peer.send_rtp(ByteView(down.back()).first(12), ByteView(down.back()).subspan(12)));
        fail_unless(client.send_rtp(up.back()));
    }
    fail_unless(peer.send_rtcp(report(11)) && client.send_rtcp(report(5)));
    deliver([&] {
        return events.rtp.size() + peer.rtp.size() >= 100 && !peer.rtcp.empty() &&
               !events.rtcp.empty();
    });
    fail_unless(events.rtp == down && peer.rtp == up);
    fail_unless(events.rtcp == Packets{report(11)} && peer.rtcp == Packets{report(5)});
    fail_unless(client.refused() == 0 && peer.refused == 0);
}

} // namespace

GST_START_TEST(test_memory) {
    for (const Profile profile : profiles)
        for (const bool sends : {false, true})
            for (const auto setup : {sdp::Setup::actpass, sdp::Setup::passive}) {
                RtcClient::Settings settings;
                settings.offer.sends = sends;
                settings.offer.setup = setup; // with passive the peer begins DTLS
                settings.profiles = {profile};
                Pair pair(settings);
                pair.connect();
                fail_unless(pair.client.profile() == profile);
                fail_unless(pair.peer.answered().is_dtls_client == (setup == sdp::Setup::passive));
                carry_media(pair.client, pair.peer, pair.events, [&](auto) { pair.exchange(); });
            }
    // The server's order decides between several.
    Pair pair;
    pair.connect();
    fail_unless(pair.client.profile() == Profile::aead_aes_128_gcm);
}
GST_END_TEST

GST_START_TEST(test_udp) {
    struct Server : RtcClient::Output, Loop::Watcher {
        explicit Server(Loop &l) : loop(l) { loop.watch(socket.fd(), EPOLLIN, *this); }
        ~Server() override { loop.forget(socket.fd(), *this); }
        void send(const stun::TransportAddress &to, ByteView bytes) override {
            socket.send(to, bytes);
        }
        void on_ready(uint32_t) override {
            socket.receive([&](const stun::TransportAddress &from, std::span<uint8_t> datagram) {
                peer.receive(from, datagram, steady_ms());
            });
        }
        Loop &loop;
        UdpSocket socket{1 << 20};
        RtcPeer peer{server_context(), *this};
    };
    Loop loop;
    for (const Profile profile : profiles) {
        RtcClient::Settings settings;
        settings.profiles = {profile};
        std::deque<Events> events;
        std::deque<UdpClient> clients;
        std::deque<Server> servers;
        const size_t count = 20;
        for (size_t i = 0; i < count; ++i) {
            UdpClient &client =
                clients.emplace_back(loop, client_context(), settings, events.emplace_back());
            Server &server = servers.emplace_back(loop);
            const auto at = stun::TransportAddress::v4({127, 0, 0, 1}, server.socket.port());
            fail_unless(server.peer.answer(client.rtc().offer(), true, at, steady_ms()).is_ok());
            fail_unless(client.accept(server.peer.answered().text).is_ok());
        }
        fail_unless(loop.run_until(
            [&] {
                size_t connected = 0;
                for (size_t i = 0; i < count; ++i)
                    connected += events[i].connected && servers[i].peer.is_connected();
                return connected == count;
            },
            30'000));
        for (size_t i = 0; i < count; ++i) {
            carry_media(clients[i].rtc(), servers[i].peer, events[i],
                        [&](auto done) { fail_unless(loop.run_until(done, 30'000)); });
            fail_unless(clients[i].socket().dropped() == 0);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_answer) {
    Pair pair;
    const std::string answer = pair.answer();
    const auto error_of = [&](const std::string &from, const std::string &to) {
        std::string text = answer;
        for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
            text.replace(at, from.size(), to);
        fail_unless(text != answer, "%s", from.c_str());
        const Result result = pair.client.accept(text, pair.now);
        fail_unless(result.is_error());
        fail_unless(pair.client.state() == RtcClient::State::offering);
        return result.reason();
    };
    fail_unless_equals_string(error_of("a=candidate", "a=none").c_str(),
                              "the answer has no candidate of UDP");
    fail_unless_equals_string(error_of(" udp ", " tcp ").c_str(),
                              "the answer has no candidate of UDP");
    fail_unless_equals_string(error_of("a=ice-pwd", "a=none").c_str(),
                              "the answer has no ICE credentials");
    fail_unless_equals_string(error_of("a=fingerprint", "a=none").c_str(),
                              "the answer has no fingerprint");
    fail_unless_equals_string(error_of("a=setup:passive", "a=setup:actpass").c_str(),
                              "the answer does not say who begins DTLS");
    fail_unless_equals_string(
        error_of("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPF 1\r\na=inactive\r\nm=x 9 x").c_str(),
        "the answer accepts no section");
    fail_unless(pair.client.accept("", pair.now).is_error());
    fail_unless(pair.to_server.datagrams.empty());

    fail_unless(pair.client.accept(answer, pair.now).is_ok());
    const Answered &answered = pair.client.answered();
    fail_unless(answered.video && answered.audio && answered.ice_lite);
    fail_unless(answered.video->codec.is("H264") && answered.audio->codec.is("opus"));
    fail_unless(answered.video->ssrc == 11 && answered.video->rtx_ssrc == 12);
    fail_unless(answered.audio->ssrc == 13 && !answered.audio->rtx);
    const uint8_t type = answered.video->codec.payload_type;
    fail_unless(answered.video->rtx == type + 1);
    fail_unless(answered.track_of(type) == &*answered.video);
    fail_unless(answered.track_of(uint8_t(type + 1)) == &*answered.video);
    fail_unless(answered.track_of(111) == &*answered.audio && !answered.track_of(0));
    fail_unless(answered.video->extensions.id_of(rtp::ExtensionKind::mid) == 4);
    fail_unless(pair.client.accept(answer, pair.now).is_error());
}
GST_END_TEST

GST_START_TEST(test_offer) {
    RtcClient::Settings settings;
    settings.offer.sends = true;
    settings.offer.rids = {"h", "m", "l"};
    Pair simulcast(settings);
    simulcast.connect();
    fail_unless(simulcast.client.answered().video->rids == settings.offer.rids);
    const auto rid = rtp::ExtensionKind::rid;
    fail_unless(simulcast.client.answered().video->extensions.id_of(rid) == 10);

    settings.offer.rids.clear();
    settings.offer.audio = false;
    Pair silent(settings);
    silent.connect();
    fail_unless(silent.client.answered().video && !silent.client.answered().audio);
    sdp::Offer offer;
    fail_unless(sdp::read_offer(silent.client.offer(), offer).is_ok());
    fail_unless(offer.media.size() == 1 && offer.is_bundled("0") && offer.media[0].rtcp_mux);
    fail_unless(offer.media[0].ssrcs[0].ssrc == silent.client.sources().video);
    fail_unless(offer.media[0].groups[0].semantics == "FID");
    unsigned h264 = 0;
    for (const sdp::Codec &codec : offer.media[0].codecs)
        h264 += codec.is("H264");
    fail_unless_equals_int(h264, 4);

    settings.offer.codec = "VP8";
    Pair other(settings);
    const Result result = other.peer.answer(other.client.offer(), false, server_at, other.now);
    fail_unless(result.is_error());
}
GST_END_TEST

GST_START_TEST(test_checks_are_sent_again) {
    Pair pair;
    fail_unless(pair.client.accept(pair.answer(), pair.now).is_ok());
    // Each time after twice the wait, and never at once.
    for (const uint64_t wait : {100, 200, 400, 800, 1'600, 1'600}) {
        fail_unless_equals_int(pair.to_server.datagrams.size(), 1);
        pair.to_server.datagrams.clear();
        fail_unless_equals_uint64(pair.client.next_ms(pair.now), pair.now + wait);
        pair.pass(wait - 1);
        fail_unless(pair.to_server.datagrams.empty());
        pair.pass(1);
    }
    pair.exchange();
    fail_unless(pair.client.is_connected() && pair.peer.is_connected());

    // Nobody answers.
    Pair alone;
    fail_unless(alone.client.accept(alone.answer(), alone.now).is_ok());
    while (alone.client.state() == RtcClient::State::checking && alone.now < 60'000)
        alone.pass(alone.client.next_ms(alone.now) - alone.now);
    fail_unless_equals_string(alone.events.ended.c_str(),
                              "ICE: no address of the peer answers checks");
    fail_unless(alone.now < 1'000 + 10'000 + 1'600);
    fail_unless(alone.client.next_ms(alone.now) == UINT64_MAX);
}
GST_END_TEST

GST_START_TEST(test_consent) {
    Pair pair;
    pair.connect();
    const unsigned checks = pair.peer.checks;
    for (unsigned i = 1; i <= 20; ++i) {
        pair.pass(5'000);
        pair.exchange();
        fail_unless_equals_int(pair.peer.checks, checks + i);
    }
    fail_unless(pair.client.is_connected());
    // The server has gone.
    for (unsigned i = 0; i < 6; ++i) {
        fail_unless(pair.client.is_connected());
        pair.pass(5'000);
        pair.to_server.datagrams.clear();
    }
    fail_unless_equals_string(pair.events.ended.c_str(),
                              "ICE: the peer has not answered checks for long");
    fail_unless(!pair.client.send_rtp(rtp_packet(96, 1, 5, 10)));
}
GST_END_TEST

GST_START_TEST(test_forged_answers) {
    Pair pair;
    fail_unless(pair.client.accept(pair.answer(), pair.now).is_ok());
    stun::Message request;
    fail_unless(stun::parse(pair.to_server.datagrams[0], request).is_ok());
    fail_unless(request.use_candidate && request.controlling && request.priority);
    const auto refused = [&](std::vector<uint8_t> datagram, const stun::TransportAddress &from) {
        const unsigned before = pair.client.checks()->refused();
        pair.client.receive(from, datagram, pair.now);
        fail_unless(pair.client.state() == RtcClient::State::checking);
        fail_unless_equals_int(pair.client.checks()->refused(), before + 1);
    };
    const auto writer = [&](stun::Class kind, stun::TransactionId id) {
        return stun::MessageWriter(kind, id).mapped(client_at);
    };
    const std::string password = pair.client.answered().transport.ice.password;
    stun::TransactionId other = request.transaction;
    other[0] ^= 1;
    using stun::Class;
    refused(writer(Class::success, request.transaction).finish(), server_at);
    refused(writer(Class::success, request.transaction)
                .finish("wrong password of some size", hmac_sha1),
            server_at);
    refused(writer(Class::success, other).finish(password, hmac_sha1), server_at);
    refused(writer(Class::success, request.transaction).finish(password, hmac_sha1), client_at);
    refused(writer(Class::error, request.transaction).error(401, "no").finish(), server_at);
    // A request of somebody who has not the client's password.
    refused(stun::MessageWriter(Class::request, other)
                .username(pair.client.ice().ufrag + ":x")
                .finish("wrong password of some size", hmac_sha1),
            server_at);
    pair.exchange();
    fail_unless(pair.client.is_connected());

    // One of a full agent, which has it, is answered.
    std::vector<uint8_t> check = stun::MessageWriter(Class::request, other)
                                     .username(pair.client.ice().ufrag + ":x")
                                     .priority(1)
                                     .controlled(2)
                                     .finish(pair.client.ice().password, hmac_sha1);
    pair.client.receive(server_at, check, pair.now);
    fail_unless_equals_int(pair.to_server.datagrams.size(), 1);
    stun::Message reply;
    const auto &answer = pair.to_server.datagrams[0];
    fail_unless(stun::parse(answer, reply).is_ok() && reply.kind == Class::success);
    fail_unless(reply.transaction == other && reply.mapped == server_at);
    fail_unless(stun::has_integrity(answer, reply, pair.client.ice().password, hmac_sha1));
}
GST_END_TEST

GST_START_TEST(test_wrong_certificate) {
    Pair pair;
    std::string answer = pair.answer();
    for (size_t at = 0; (at = answer.find("sha-256 ", at)) != answer.npos; at += 8) {
        char &digit = answer[at + 8];
        digit = digit == '0' ? '1' : '0';
    }
    fail_unless(pair.client.accept(answer, pair.now).is_ok());
    pair.exchange();
    fail_unless_equals_string(pair.events.ended.c_str(),
                              "DTLS: the certificate of the DTLS peer is not that of its SDP");
    fail_unless(pair.events.connected == 0 && !pair.peer.is_connected());
}
GST_END_TEST

GST_START_TEST(test_bad_media) {
    Pair pair;
    pair.connect();
    const auto packet = rtp_packet(96, 1, 11, 100);
    const auto send = [&] {
        fail_unless(pair.peer.send_rtp(ByteView(packet).first(12), ByteView(packet).subspan(12)));
    };
    send();
    const auto good = pair.to_client.datagrams[0];
    pair.exchange();
    fail_unless(pair.events.rtp == Packets{packet});
    auto bad = good;
    bad.back() ^= 1;
    pair.client.receive(server_at, bad, pair.now);
    bad = good; // again
    pair.client.receive(server_at, bad, pair.now);
    fail_unless(pair.events.rtp.size() == 1 && pair.client.refused() == 2);
    // Undecrypted, a packet comes as it is.
    pair.client.set_decrypts(false);
    bad = good;
    pair.client.receive(server_at, bad, pair.now);
    fail_unless(pair.events.rtp.size() == 2 && pair.events.rtp[1] == good);

    // Any bytes, before and after it is connected.
    Pair fresh;
    fail_unless(fresh.client.accept(fresh.answer(), fresh.now).is_ok());
    for (RtcClient *client : {&fresh.client, &pair.client})
        for (unsigned i = 0; i < 2'000; ++i) {
            std::vector<uint8_t> noise(random_number<uint8_t>());
            random_bytes(noise);
            client->receive(server_at, noise, pair.now);
        }
    fail_unless(fresh.client.state() == RtcClient::State::checking);
    fail_unless(pair.client.is_connected());
}
GST_END_TEST

GST_START_TEST(test_close) {
    Pair pair;
    pair.connect();
    pair.client.close();
    pair.exchange();
    fail_unless(pair.peer.session().state() == dtls::Session::State::closed);
    fail_unless(pair.client.state() == RtcClient::State::ended);

    Pair other;
    other.connect();
    other.peer.session().close();
    other.exchange();
    fail_unless_equals_string(other.events.ended.c_str(),
                              "DTLS: the DTLS peer has closed the session");
}
GST_END_TEST

GST_START_TEST(test_reception) {
    Reception video(90'000);
    using Place = Reception::Place;
    const auto take = [&](uint16_t sequence, int64_t ms) {
        return video.received(11, sequence, sequence * 90u, ms * 1'000'000, true);
    };
    fail_unless(take(65'534, 0) == Place::next && take(65'535, 1) == Place::next);
    fail_unless(take(2, 2) == Place::after_gap); // 0 and 1 are missing
    fail_unless(take(3, 3) == Place::next && take(3, 3) == Place::repeated);
    fail_unless(video.lost() == 2 && video.gaps() == 1 && video.duplicates() == 1);
    const auto nack = video.nack(7, 3'000'000);
    fail_unless(nack && nack->sender == 7 && nack->media == 11);
    std::vector<uint16_t> asked;
    nack->for_each([&](uint16_t sequence) { asked.push_back(sequence); });
    fail_unless(asked == std::vector<uint16_t>({0, 1}));
    fail_unless(!video.nack(7, 4'000'000)); // not so soon
    fail_unless(take(1, 5) == Place::late && video.lost() == 1 && video.late() == 1);
    fail_unless(video.repaired(0, 6'000'000) && !video.repaired(0, 7'000'000));
    fail_unless(!video.nack(7, 500'000'000) && video.repaired() == 1);
    fail_unless(video.packets() == 6 && video.lost() == 0 && video.duplicates() == 2);

    const auto block = video.report(10'000'000);
    rtp::rtcp::Compound compound;
    fail_unless(rtp::rtcp::parse(write_reports(7, "me", {*block}), compound).is_ok());
    const auto &read = std::get<rtp::rtcp::ReceiverReport>(compound.packets[0]);
    fail_unless(read.ssrc == 7 && read.blocks.size() == 1 && read.blocks[0].ssrc == 11);
    fail_unless(read.blocks[0].lost == 1); // those that are repaired count as well
    const auto &names = std::get<rtp::rtcp::SourceDescription>(compound.packets[1]);
    fail_unless(names.chunks[0].cname == "me");
}
GST_END_TEST

static Suite *rtc_client_suite() {
    Suite *suite = suite_create("rtc_client");
    TCase *tests = tcase_create("rtc_client");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_memory);
    tcase_add_test(tests, test_udp);
    tcase_add_test(tests, test_answer);
    tcase_add_test(tests, test_offer);
    tcase_add_test(tests, test_checks_are_sent_again);
    tcase_add_test(tests, test_consent);
    tcase_add_test(tests, test_forged_answers);
    tcase_add_test(tests, test_wrong_certificate);
    tcase_add_test(tests, test_bad_media);
    tcase_add_test(tests, test_close);
    tcase_add_test(tests, test_reception);
    return suite;
}
GST_CHECK_MAIN(rtc_client)
