// SPDX-License-Identifier: LGPL-2.1-or-later
// RTMP peers over TLS on real sockets: publishers, players, those that speak no TLS, a certificate
// that is renewed under them.
#include "core/net/rtmp/client.h"
#include "unit/net_rig.hpp"
#include "unit/tls_rig.hpp"

#include "check.hpp"

using namespace net_test;
using tls_test::Certificates;

namespace {

constexpr uint64_t patience_ns = 60'000'000'000;

/// An RTMP client over TLS that trusts one certificate.
class TlsPeer : public Peer {
public:
    TlsPeer(uint16_t port, const std::string &trusted, int receive_buffer = 0)
        : Peer(port, receive_buffer), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
          ssl_((SSL_CTX_load_verify_locations(context_.get(), trusted.c_str(), nullptr),
                SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr),
                SSL_new(context_.get())),
               SSL_free) {
        SSL_set_tlsext_host_name(ssl_.get(), "localhost");
        SSL_set1_host(ssl_.get(), "localhost");
        SSL_set_fd(ssl_.get(), socket());
        secure = SSL_connect(ssl_.get()) == 1;
        closed |= !secure;
    }
    /// Asks the server for new keys, which it answers.
    void renew_keys() {
        SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(ssl_.get());
    }
    /// The server has sent close_notify.
    bool was_told_end() const { return SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN; }
    bool secure = false;

private:
    ssize_t write_some(const uint8_t *data, size_t size) override {
        return SSL_write(ssl_.get(), data, static_cast<int>(size));
    }
    ssize_t read_some(uint8_t *data, size_t size) override {
        ERR_clear_error();
        return SSL_read(ssl_.get(), data, static_cast<int>(size));
    }
    bool has_pending() const override { return SSL_pending(ssl_.get()) > 0; }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

/// A server with a certificate, and a relay on live/cam.
struct Rig {
    explicit Rig(bool only = true) {
        std::string error;
        server = net::RtmpServer::open({"127.0.0.1", 0}, {files, only}, &error);
        fail_unless(server, "%s", error.c_str());
        fail_unless(relay.on(*server, "live/cam", "live/cam", {.silence_timeout = patience_ns}));
    }
    uint16_t port() const { return server->address().port; }
    void start(Peer &publisher) {
        fail_unless(publisher.publish("cam"));
        fail_unless(publisher.until_said("NetStream.Publish.Start"), "%s", log.all().c_str());
        fail_unless(publisher.send(samples::video_config()));
    }
    Log log;
    Certificates folder;
    net::TlsFiles files = folder.make("first");
    std::shared_ptr<net::RtmpServer> server;
    Relay relay;
};

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != text.npos;
}

} // namespace

GST_START_TEST(test_publisher_and_player) {
    Rig rig;
    fail_unless_equals_string(rig.server->scheme(), "rtmps");
    TlsPeer publisher(rig.port(), rig.files.certificate), player(rig.port(), rig.files.certificate);
    fail_unless(publisher.secure && player.secure);
    rig.start(publisher);
    fail_unless(player.play("cam"));
    // A record of TLS has 16 KiB: a frame of several.
    for (uint32_t i = 0; i < 20; ++i) {
        fail_unless(publisher.send(big_frame(i * 40, i % 10 == 0, 100'000)));
        fail_unless(player.until([&] { return player.frames() > i; }), "%s", rig.log.all().c_str());
        if (i == 10) player.renew_keys();
    }
    fail_if(player.malformed || publisher.malformed);
    fail_unless_equals_int(player.goes_back(), -1);
    const auto mounts = rig.server->mounts();
    fail_unless(mounts.size() == 1 && mounts[0].publishing && mounts[0].viewers == 1);
}
GST_END_TEST

// Stops reading amid a record, and goes on: what comes makes sense, from a keyframe on.
GST_START_TEST(test_slow_player) {
    Rig rig;
    TlsPeer publisher(rig.port(), rig.files.certificate);
    rig.start(publisher);
    TlsPeer player(rig.port(), rig.files.certificate, 16 << 10);
    fail_unless(player.play("cam"));
    fail_unless(publisher.send(big_frame(0, true, 200'000)));
    fail_unless(player.until([&] { return player.frames() > 0; }), "%s", rig.log.all().c_str());
    for (uint32_t i = 1; i < 60; ++i)
        fail_unless(publisher.send(big_frame(i * 40, i % 10 == 0, 200'000)));
    fail_unless(eventually([&] { return rig.relay.received == 61; }));
    fail_unless(player.until(
        [&] { return !player.tags.empty() && player.tags.back().timestamp >= 59 * 40; }));
    fail_if(player.malformed);
    fail_unless_equals_int(player.goes_back(), -1);
}
GST_END_TEST

// A publisher sends on while it is refused: it reads the status, close_notify and FIN.
GST_START_TEST(test_refused_publisher) {
    Rig rig;
    TlsPeer first(rig.port(), rig.files.certificate);
    rig.start(first);
    for (int round = 0; round < 10; ++round) {
        TlsPeer other(rig.port(), rig.files.certificate);
        fail_unless(other.publish("cam"));
        for (uint32_t i = 0; i < 50; ++i)
            fail_unless(other.send(big_frame(i, i == 0, 20'000)), "round %d", round);
        fail_unless(other.until_said("NetStream.Publish.BadName"), "round %d: no status", round);
        // One event after another, each of which may end the output.
        for (uint32_t i = 0; i < 20; ++i)
            fail_unless(other.send(big_frame(i, false, 20'000)), "round %d", round);
        fail_unless(other.ends_in_order(), "round %d: %s", round, rig.log.all().c_str());
        fail_unless(other.was_told_end());
    }
}
GST_END_TEST

GST_START_TEST(test_without_tls) {
    {
        Rig only;
        Peer plain(only.port()), other(only.port());
        plain.publish("cam");
        other.out.out.u8('G').u8('E').u8('T');
        fail_unless(other.flush());
        fail_unless(plain.until_closed() && other.until_closed());
        fail_unless(has(only.log.all(), "it speaks no TLS, and this address is rtmps://"), "%s",
                    only.log.all().c_str());
    }
    Rig both(false);
    fail_unless_equals_string(both.server->scheme(), "rtmp");
    Peer publisher(both.port());
    TlsPeer player(both.port(), both.files.certificate);
    both.start(publisher);
    fail_unless(player.play("cam"));
    fail_unless(publisher.send(samples::video_frame(0, true)));
    fail_unless(player.until([&] { return player.frames() > 0; }), "%s", both.log.all().c_str());
}
GST_END_TEST

// A handshake that is not finished counts as a connection that asks for nothing.
GST_START_TEST(test_broken_handshakes) {
    Log log;
    Certificates folder;
    std::string error;
    const auto server = net::RtmpServer::open({"127.0.0.1", 0}, {folder.make("a"), true}, &error,
                                              {.handshake_ms = 500});
    fail_unless(server, "%s", error.c_str());
    Peer silent(server->address().port), begun(server->address().port),
        wrong(server->address().port), gone(server->address().port);
    begun.out.out.u8(0x16).u8(3).u8(1);
    wrong.out.out.u8(0x16);
    for (int i = 0; i < 600; ++i)
        wrong.out.out.u8(0xAA);
    fail_unless(begun.flush() && wrong.flush());
    gone.close();
    fail_unless(wrong.until_closed() && begun.until_closed() && silent.until_closed());
    fail_unless(has(log.all(), "closed: TLS: "), "%s", log.all().c_str());
    fail_unless(has(log.all(), "asked for nothing"), "%s", log.all().c_str());
}
GST_END_TEST

GST_START_TEST(test_renewed_certificate) {
    Rig rig;
    TlsPeer publisher(rig.port(), rig.files.certificate), player(rig.port(), rig.files.certificate);
    rig.start(publisher);
    fail_unless(player.play("cam") && publisher.send(samples::video_frame(0, true)));
    fail_unless(player.until([&] { return player.frames() == 1; }));
    const std::string old = rig.folder.path("old.pem");
    std::filesystem::copy_file(rig.files.certificate, old);
    Certificates::write(rig.files, "second");
    // The files are looked at once a second at most.
    fail_unless(eventually([&] { return TlsPeer(rig.port(), rig.files.certificate).secure; }));
    fail_if(TlsPeer(rig.port(), old).secure);
    fail_unless(publisher.send(samples::video_frame(1000, true)));
    fail_unless(player.until([&] { return player.frames() == 2; }), "%s", rig.log.all().c_str());
}
GST_END_TEST

GST_START_TEST(test_one_certificate_per_address) {
    Rig rig;
    std::string error;
    const auto refused = [&](const net::RtmpTls &tls, std::string_view says) {
        fail_if(net::RtmpServer::open(rig.server->address(), tls, &error));
        fail_unless(has(error, says), "%s", error.c_str());
    };
    refused({}, "serves rtmps:// with the certificate");
    refused({rig.files, false}, "the same scheme and certificate");
    refused({rig.folder.make("other"), true}, "choose another port");
    fail_unless(net::RtmpServer::open(rig.server->address(), {rig.files, true}, &error) ==
                rig.server);
    fail_if(
        net::RtmpServer::open({"127.0.0.1", 0}, {{"/nowhere.pem", "/nowhere.key"}, true}, &error));
    fail_unless(has(error, "can't read '/nowhere.pem'"), "%s", error.c_str());
}
GST_END_TEST

static Suite *net_rtmps_suite() {
    Suite *suite = suite_create("net_rtmps");
    TCase *tests = tcase_create("net_rtmps");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_publisher_and_player);
    tcase_add_test(tests, test_slow_player);
    tcase_add_test(tests, test_refused_publisher);
    tcase_add_test(tests, test_without_tls);
    tcase_add_test(tests, test_broken_handshakes);
    tcase_add_test(tests, test_renewed_certificate);
    tcase_add_test(tests, test_one_certificate_per_address);
    return suite;
}
GST_CHECK_MAIN(net_rtmps)
