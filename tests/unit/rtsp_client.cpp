// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's session of RTSP against scripted servers: what it asks for, what it takes, how it
// ends.
#include "core/rtsp/client/session.h"

#include "check.hpp"

#include <functional>
#include <map>

using namespace penstock;
using namespace penstock::rtsp;

namespace {

const std::string sdp_text = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                             "a=control:one\r\nm=audio 0 RTP/AVP 8\r\na=control:two\r\n";

std::string fake_hash(std::string_view text) {
    return std::to_string(std::hash<std::string_view>()(text));
}

class Rig final : public ClientSession::Handler {
public:
    explicit Rig(std::vector<Lower> protocols = {Lower::tcp, Lower::udp, Lower::multicast},
                 const char *url = "rtsp://cam/live?x=1") {
        ClientSessionOptions options;
        options.url = *parse_url(url);
        options.protocols = std::move(protocols);
        options.hashes = {fake_hash, fake_hash};
        options.random = [](std::span<uint8_t> bytes) { std::ranges::fill(bytes, 7); };
        session.emplace(std::move(options), *this);
        session->start(0);
    }
    /// What the client has sent since, as text.
    std::string sent() {
        const auto bytes = session->take_output();
        return {bytes.begin(), bytes.end()};
    }
    Result feed(const std::string &text, int64_t now = 0) {
        return session->feed(ByteView(reinterpret_cast<const uint8_t *>(text.data()), text.size()),
                             now);
    }
    /// Answers the request under way; returns the next one.
    std::string answer(int status, const std::string &headers = {}, const std::string &body = {}) {
        fail_unless(reply(status, headers, body).is_ok());
        return sent();
    }
    Result reply(int status, const std::string &headers = {}, const std::string &body = {}) {
        ++cseq;
        return feed(
            "RTSP/1.0 " + std::to_string(status) + " X\r\nCSeq: " + std::to_string(cseq) + "\r\n" +
            headers +
            (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
            "\r\n" + body);
    }
    void describe(const std::string &headers = {}) {
        (void)sent();
        (void)answer(200);
        setup_request = answer(200, headers, sdp_text);
    }
    void play() {
        describe();
        (void)answer(200, "Session: 5;timeout=10\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
        (void)answer(200);
        (void)answer(200);
        fail_unless(playing && session->has_started());
    }

    void on_tracks(const std::vector<ClientTrack> &tracks) override { count = tracks.size(); }
    std::optional<PortPair> open_ports(size_t) override {
        ++opened;
        if (no_ports) return std::nullopt;
        return PortPair{5000, 5001};
    }
    void on_server_ports(size_t, const std::string &from, PortPair ports) override {
        source = from;
        server = ports;
    }
    bool join(size_t, const sdp::MulticastGroup &one) override {
        group = one;
        return true;
    }
    void on_playing() override { playing = true; }
    void on_packet(size_t track, bool is_rtcp, ByteView packet) override {
        packets.emplace_back(track * 2 + is_rtcp, packet.size());
    }
    void on_oddity(const std::string &text) override { oddity = text; }

    std::optional<ClientSession> session;
    std::string setup_request, source, oddity;
    int cseq = 0;
    size_t count = 0;
    unsigned opened = 0;
    bool playing = false, no_ports = false;
    PortPair server;
    sdp::MulticastGroup group;
    std::vector<std::pair<size_t, size_t>> packets;
};

void has(const std::string &text, const std::string &part) {
    fail_unless(text.find(part) != text.npos, "'%s' lacks '%s'", text.c_str(), part.c_str());
}

} // namespace

GST_START_TEST(test_plays) {
    Rig rig;
    has(rig.sent(), "OPTIONS rtsp://cam/live?x=1 RTSP/1.0\r\n");
    has(rig.answer(200, "Public: OPTIONS, GET_PARAMETER\r\n"), "DESCRIBE rtsp://cam/live?x=1 ");
    std::string next = rig.answer(200, "Content-Base: rtsp://cam/base/\r\n", sdp_text);
    has(next, "SETUP rtsp://cam/base/one ");
    has(next, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
    fail_unless_equals_int(rig.count, 2);
    // Channels are the server's choice.
    next = rig.answer(200, "Session: 7;timeout=10\r\n"
                           "Transport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n");
    has(next, "SETUP rtsp://cam/base/two ");
    has(next, "Session: 7\r\n");
    next = rig.answer(200, "Session: 7;timeout=10\r\n"); // no Transport: as asked for
    has(next, "PLAY rtsp://cam/base/ ");
    fail_if(rig.playing);
    (void)rig.answer(200);
    fail_unless(rig.playing);
    fail_unless(rig.feed(std::string("$\4\0\3abc$\3\0\1x$\x63\0\2no", 18)).is_ok());
    using Packets = std::vector<std::pair<size_t, size_t>>;
    fail_unless(rig.packets == Packets({{0, 3}, {3, 1}}));
    const uint8_t report[] = {1, 2};
    rig.session->send_report(0, report);
    fail_unless(rig.sent() == std::string("$\5\0\2\1\2", 6));
    // Kept alive at half the timeout; what is refused is not asked for again.
    rig.session->check(4'999);
    fail_unless(rig.sent().empty());
    rig.session->check(5'000);
    has(rig.sent(), "GET_PARAMETER rtsp://cam/base/ ");
    (void)rig.answer(501);
    rig.session->check(10'000);
    has(rig.sent(), "OPTIONS ");
    // Requests of the server are answered.
    fail_unless(rig.feed("OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\nPLAY_NOTIFY x RTSP/1.0\r\n"
                         "CSeq: 10\r\n\r\n")
                    .is_ok());
    const std::string answers = rig.sent();
    has(answers, "RTSP/1.0 200 OK\r\nCSeq: 9\r\n");
    has(answers, "RTSP/1.0 501 ");
    rig.session->finish();
    has(rig.sent(), "TEARDOWN rtsp://cam/base/ ");
}
GST_END_TEST

GST_START_TEST(test_protocols) {
    Rig rig;
    rig.describe();
    has(rig.setup_request, "RTP/AVP/TCP");
    std::string next = rig.answer(461);
    has(next, "client_port=5000-5001");
    next = rig.answer(200, "Transport: RTP/AVP;unicast;source=10.0.0.9;server_port=7000-7001\r\n");
    fail_unless(rig.source == "10.0.0.9" && rig.server == PortPair({7000, 7001}));
    fail_unless(rig.session->lower() == Lower::udp && rig.session->protocol() == 1);

    Rig udp_less;
    udp_less.no_ports = true;
    udp_less.describe();
    has(udp_less.answer(461), ";multicast");
    (void)udp_less.answer(
        200, "Transport: RTP/AVP;multicast;destination=239.0.0.1;port=6000-6001;ttl=3\r\n");
    fail_unless(udp_less.group == sdp::MulticastGroup({"239.0.0.1", 6000, 3}));

    Rig tcp({Lower::tcp});
    tcp.describe();
    fail_unless(tcp.reply(461).is_error());
    fail_unless(tcp.session->end() == ClientEnd::unsupported);

    // A server that answers TCP with UDP means UDP.
    Rig liar;
    liar.describe();
    has(liar.answer(200, "Transport: RTP/AVP;unicast;server_port=1-2\r\n"), "client_port");

    // A second track that is out of order leaves the first.
    Rig half;
    half.describe();
    (void)half.answer(200, "Session: 1\r\n");
    has(half.answer(404), "PLAY ");
    has(half.oddity, "audio");
}
GST_END_TEST

GST_START_TEST(test_ends) {
    const auto end_of = [](int status, const std::string &headers, const std::string &body,
                           const char *url = "rtsp://cam/live") {
        Rig rig({Lower::tcp}, url);
        (void)rig.sent();
        (void)rig.answer(200);
        const Result result = rig.reply(status, headers, body);
        fail_unless(result.is_error());
        return std::tuple(rig.session->end(), result.reason(), rig.session->next_url());
    };
    auto [end, reason, next] = end_of(404, "", "");
    fail_unless(end == ClientEnd::failed && !next);
    has(reason, "404");
    std::tie(end, reason, next) = end_of(200, "", "nothing");
    fail_unless(end == ClientEnd::failed);
    std::tie(end, reason, next) =
        end_of(200, "", "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\n");
    has(reason, "MP4V-ES");
    std::tie(end, reason, next) = end_of(302, "Location: rtsp://other:99/x\r\n", "");
    fail_unless(end == ClientEnd::redirected && next && next->host == "other" && next->port == 99);
    std::tie(end, reason, next) = end_of(302, "Location: http://other/\r\n", "");
    fail_unless(end == ClientEnd::failed && !next);
    std::tie(end, reason, next) = end_of(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
    fail_unless(end == ClientEnd::refused);
    has(reason, "asks for a user");
    std::tie(end, reason, next) = end_of(401, "", "", "rtsp://u:secret@cam/live");
    fail_unless(end == ClientEnd::refused && reason.find("secret") == reason.npos);

    Rig playing;
    playing.play();
    fail_unless(playing.feed("TEARDOWN rtsp://cam/ RTSP/1.0\r\nCSeq: 1\r\n\r\n").is_error());
    has(playing.sent(), "200 OK");
    Rig lost;
    lost.play();
    lost.session->check(100'000);
    fail_unless(lost.reply(454).is_error());
    Rig broken;
    fail_unless(broken.feed("what is this\r\n\r\n").is_error());
}
GST_END_TEST

GST_START_TEST(test_authentication) {
    Rig rig({Lower::tcp}, "rtsp://u:p@cam/live");
    has(rig.sent(), "OPTIONS rtsp://cam/live ");
    std::string next = rig.answer(401, "WWW-Authenticate: Basic realm=\"a\"\r\n"
                                       "WWW-Authenticate: Digest realm=\"a\", nonce=\"n1\"\r\n");
    has(next, "Authorization: Digest ");
    has(next, "nonce=\"n1\"");
    // Another nonce with each answer.
    next = rig.answer(401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n2\"\r\n");
    has(next, "nonce=\"n2\"");
    next = rig.answer(200);
    has(next, "DESCRIBE ");
    next = rig.answer(401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n3\"\r\n");
    has(next, "nonce=\"n3\"");
    (void)rig.answer(401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n4\"\r\n");
    const Result result = rig.reply(401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n5\"\r\n");
    fail_unless(result.is_error() && rig.session->end() == ClientEnd::refused);
}
GST_END_TEST

static Suite *rtsp_client_suite() {
    Suite *s = suite_create("rtsp_client");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_plays);
    tcase_add_test(tc, test_protocols);
    tcase_add_test(tc, test_ends);
    tcase_add_test(tc, test_authentication);
    return s;
}
GST_CHECK_MAIN(rtsp_client)
