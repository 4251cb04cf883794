// SPDX-License-Identifier: LGPL-2.1-or-later
// Viewers over TLS on real sockets: they receive the same data in few records; clients without TLS
// or an unfinished handshake are closed; unusable certificates are reported.
#include "core/net/http/hls/mount.h"
#include "core/net/http/live/mount.h"
#include "core/net/http/server.h"
#include "unit/net_rig.hpp"
#include "unit/tls_rig.hpp"

#include "check.hpp"

#include <ctime>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

using namespace net_test;
using http_test::Viewer;
using tls_test::Certificates;
using tls_test::TlsViewer;

namespace {

struct Stream {
    explicit Stream(const std::string &path = "live/cam.flv",
                    net::HttpFormat format = {"video/x-flv"}) {
        net::HttpMountOptions options;
        options.history.keep = 1'000'000'000;
        options.tls = files;
        std::string error;
        feed = net::open_http_feed({"127.0.0.1", 0}, path, options, &error);
        fail_unless(feed, "%s", error.c_str());
        feed->begin(format);
    }
    uint16_t port() const { return feed->address().port; }
    void start() {
        feed->push(samples::metadata());
        feed->push(samples::video_config());
        feed->push(samples::audio_config());
    }
    /// Pushes a keyframe and this many other video frames, with an audio frame after each.
    void gop(size_t pictures = 1, size_t size = 1000) {
        for (size_t i = 0; i <= pictures; ++i, ms += 40) {
            feed->push(big_frame(ms, i == 0, size));
            feed->push(samples::audio_frame(ms + 10));
        }
    }
    Certificates folder;
    net::TlsFiles files = folder.make("first");
    std::unique_ptr<net::HttpFeed> feed;
    uint32_t ms = 0;
};

/// The error of opening a stream that can't be served.
std::string refusal(const net::Address &address, const net::TlsFiles &tls) {
    net::HttpMountOptions options;
    options.tls = tls;
    std::string error;
    const auto feed = net::open_http_feed(address, "live/other.flv", options, &error);
    fail_if(feed);
    return error;
}

bool has(const std::string &text, const std::string &part) {
    return text.find(part) != text.npos;
}

} // namespace

GST_START_TEST(test_framings) {
    Stream stream;
    stream.start();
    stream.gop();
    const std::string &trusted = stream.files.certificate;
    TlsViewer chunked(stream.port(), trusted), plain(stream.port(), trusted),
        older(stream.port(), trusted, 0, TLS1_2_VERSION), socket(stream.port(), trusted);
    chunked.get("/live/cam.flv");
    plain.get("/live/cam.flv", "Connection: close\r\n");
    older.get("/live/cam.flv");
    socket.upgrade("/live/cam.flv");
    for (TlsViewer *viewer : {&chunked, &plain, &older, &socket}) {
        fail_unless(viewer->connected);
        fail_unless(viewer->until_frames(4), "%s", viewer->head.c_str());
        fail_if(viewer->malformed);
        fail_unless(viewer->tags[3].kind == flv::TagKind::keyframe);
        fail_unless_equals_string(viewer->protocol().c_str(), "http/1.1");
    }
    fail_unless_equals_int(SSL_version(older.ssl.get()), TLS1_2_VERSION);
    fail_unless_equals_int(SSL_version(chunked.ssl.get()), TLS1_3_VERSION);
    stream.gop();
    for (TlsViewer *viewer : {&chunked, &plain, &older, &socket})
        fail_unless(viewer->until_frames(8));
    fail_unless_equals_int(stream.feed->stats().viewers, 4);
    TlsViewer ancient(stream.port(), trusted, 0, TLS1_1_VERSION);
    fail_if(ancient.connected);
    stream.feed.reset();
    for (TlsViewer *viewer : {&chunked, &plain, &older, &socket}) {
        fail_unless(viewer->until_closed());
        fail_unless(viewer->clean_end);
    }
    fail_unless(chunked.ended);
}
GST_END_TEST

// A GOP for a viewer that joins is not sent as one record per packet.
GST_START_TEST(test_packets_share_records) {
    Stream stream;
    stream.start();
    stream.gop(40, 700);
    TlsViewer viewer(stream.port(), stream.files.certificate);
    viewer.get("/live/cam.flv");
    fail_unless(viewer.until_frames(82));
    const size_t least = (viewer.body.size() >> 14) + 1;
    // Session tickets take a record too, and the answer's head may.
    fail_unless(viewer.records <= least + 4, "%zu records for %zu bytes", viewer.records,
                viewer.body.size());
}
GST_END_TEST

// The viewer stops reading amid a record and continues: its data is valid, from a keyframe on.
GST_START_TEST(test_slow_viewer) {
    Stream stream;
    stream.start();
    stream.gop(2, 300'000);
    TlsViewer viewer(stream.port(), stream.files.certificate, 16 << 10);
    viewer.get("/live/cam.flv");
    fail_unless(viewer.until_frames(1));
    for (int i = 0; i < 20; ++i)
        stream.gop(2, 300'000);
    fail_unless(eventually([&] {
        stream.gop(2, 300'000);
        return viewer.read() && stream.feed->stats().skipped > 0;
    }));
    fail_if(viewer.malformed);
    stream.gop(2, 1000);
    const uint32_t last = stream.ms - 40;
    fail_unless(viewer.until([&] { return viewer.tags.back().timestamp >= last; }));
    uint32_t time = 0;
    for (const flv::Tag &tag : viewer.tags) {
        if (tag.kind == flv::TagKind::config || tag.kind == flv::TagKind::metadata) continue;
        fail_if(tag.timestamp < time);
        time = tag.timestamp;
    }
}
GST_END_TEST

// Key updates amid the stream, as often as the client likes.
GST_START_TEST(test_key_update) {
    Stream stream;
    stream.start();
    stream.gop();
    TlsViewer viewer(stream.port(), stream.files.certificate);
    viewer.upgrade("/live/cam.flv");
    fail_unless(viewer.until_frames(4));
    for (size_t i = 1; i <= 10; ++i) {
        fail_unless_equals_int(SSL_key_update(viewer.ssl.get(), SSL_KEY_UPDATE_REQUESTED), 1);
        viewer.send(std::string("\x89\x80\0\0\0\0", 6)); // a ping
        stream.gop();
        fail_unless(viewer.until_frames(4 + 4 * i));
    }
    fail_if(viewer.malformed);
    fail_unless(viewer.until([&] { return has(viewer.controls, "10:;"); }));
}
GST_END_TEST

// The rest of a partial record is awaited at no cost; data after a request within the same record
// is not lost.
GST_START_TEST(test_records_in_pieces) {
    Stream stream;
    stream.start();
    stream.gop();
    const auto dribble = [](const TlsViewer &viewer, const std::string &record) {
        const std::clock_t before = std::clock();
        const auto began = std::chrono::steady_clock::now();
        for (size_t at = 0; at < record.size(); at += 9) {
            ::send(viewer.raw(), record.data() + at, std::min<size_t>(9, record.size() - at),
                   MSG_NOSIGNAL);
            std::this_thread::sleep_for(std::chrono::milliseconds(30));
        }
        const double cpu = double(std::clock() - before) / CLOCKS_PER_SEC;
        const std::chrono::duration<double> all = std::chrono::steady_clock::now() - began;
        // A server that polls for the rest of the record would compute all the time.
        fail_unless(cpu < all.count() / 2, "%.3f of %.3f s", cpu, all.count());
    };
    const std::string text(120, 'x'), pong = "10:" + text + ";",
                                      ping = std::string("\x89\xf8\0\0\0\0", 6) + text;
    TlsViewer viewer(stream.port(), stream.files.certificate);
    const std::string request =
        "GET /live/cam.flv HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    dribble(viewer, viewer.record_of(request));
    fail_unless(viewer.until_frames(4), "%s", viewer.head.c_str());
    dribble(viewer, viewer.record_of(ping));
    fail_unless(viewer.until([&] { return has(viewer.controls, pong); }));
    // One record with more than is read at a time.
    std::string pings;
    for (int i = 0; i < 500; ++i)
        pings += ping;
    TlsViewer hasty(stream.port(), stream.files.certificate);
    hasty.send(request + pings);
    fail_unless(hasty.until([&] { return has(hasty.controls, pong); }));
    fail_unless(hasty.until_frames(4));
    fail_if(viewer.malformed || hasty.malformed);
}
GST_END_TEST

GST_START_TEST(test_titles) {
    Stream stream("radio.mp3", {"audio/mpeg", true});
    stream.feed->set_title("a title");
    for (int i = 0; i < 40; ++i)
        stream.feed->push(Bytes::copy_of(std::string(1000, 'x')), true, true);
    TlsViewer viewer(stream.port(), stream.files.certificate);
    viewer.get("/radio.mp3", "Icy-MetaData: 1\r\n");
    fail_unless(viewer.until_answered());
    fail_unless(viewer.until([&] {
        stream.feed->push(Bytes::copy_of(std::string(1000, 'x')), true, true);
        return has(viewer.body, "StreamTitle='a title'");
    }));
}
GST_END_TEST

// Consecutive requests on a connection, and bodies that exceed the socket's buffer.
GST_START_TEST(test_handlers) {
    Certificates folder;
    const auto files = folder.make("first");
    std::string error;
    const auto server = net::HttpServer::open({"127.0.0.1", 0}, files, &error);
    fail_unless(server, "%s", error.c_str());
    fail_unless_equals_string(server->scheme(), "https");
    std::string big;
    for (int i = 0; big.size() < 5'000'000; ++i)
        big += std::to_string(i) + ",";
    const auto registration =
        server->handle("/", [&](const net::HttpRequest &request, net::HttpReply reply) {
            net::HttpResponse response;
            response.body = Bytes::copy_of(request.path == "/big" ? big : "small");
            reply(response);
        });
    TlsViewer viewer(server->address().port, files.certificate, 8 << 10);
    viewer.get("/a");
    fail_unless(viewer.until([&] { return viewer.body == "small"; }));
    viewer.get("/b");
    fail_unless(viewer.until([&] { return has(viewer.body, "\r\n\r\nsmall"); }));
    viewer.body.clear();
    viewer.get("/big", "Connection: close\r\n");
    fail_unless(viewer.until_closed());
    fail_unless(viewer.clean_end);
    fail_unless(viewer.body.ends_with("\r\n\r\n" + big));
    // Some clients disconnect while the body is sent.
    for (int i = 0; i < 5; ++i) {
        TlsViewer gone(server->address().port, files.certificate, 8 << 10);
        gone.get("/big");
        fail_unless(gone.until([&] { return gone.body.size() > 10'000; }));
        const linger now{1, 0};
        setsockopt(gone.raw(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    TlsViewer again(server->address().port, files.certificate);
    again.get("/a");
    fail_unless(again.until([&] { return again.body == "small"; }));
}
GST_END_TEST

GST_START_TEST(test_plain_http_is_answered) {
    Log log;
    Stream stream;
    stream.start();
    stream.gop();
    for (const char *method : {"GET", "POST", "HEAD"}) {
        Viewer viewer(stream.port());
        viewer.send(std::string(method) + " /live/cam.flv HTTP/1.1\r\nHost: test\r\n\r\n");
        fail_unless(viewer.until_closed());
        fail_unless(viewer.says("HTTP/1.1 400 Bad Request\r\n"), "%s", viewer.head.c_str());
        fail_unless(viewer.says("Connection: close\r\n"));
        fail_unless(viewer.says("Content-Length: 32\r\n"));
        const bool bodiless = std::string(method) == "HEAD"; // RFC 9110 section 9.3.2
        fail_unless_equals_string(viewer.body.c_str(),
                                  bodiless ? "" : "This port serves https:// only.\n");
        fail_unless(has(log.all(), "[" + viewer.name + "] plain HTTP where https:// is served"));
    }
    fail_unless_equals_int(stream.feed->stats().viewers_total, 0);
}
GST_END_TEST

GST_START_TEST(test_garbage) {
    Log log;
    Stream stream;
    stream.start();
    stream.gop();
    const std::string cases[] = {
        std::string("\0\x01\x02garbage", 10),
        "\x16garbage that is a record's first byte and no more",
        std::string("\x16\x03\x01\x00\x05", 5) + std::string("\x01\0\0\x01\x07", 5),
        std::string("\x16\x03\x01\x3f\xff", 5) + std::string(20'000, '\x01'),
        "\x80\x2e\x01\x03\x01 an old hello",
    };
    for (const std::string &bytes : cases) {
        Viewer viewer(stream.port());
        viewer.send(bytes);
        fail_unless(viewer.until_closed());
        fail_unless(eventually([&] { return has(log.all(), "[" + viewer.name + "] TLS: "); }), "%s",
                    log.all().c_str());
    }
    // A hello in pieces is no such case.
    TlsViewer viewer(stream.port(), stream.files.certificate);
    viewer.get("/live/cam.flv");
    fail_unless(viewer.until_frames(2));
}
GST_END_TEST

// Connections that send nothing, or stop amid their hello, are closed.
GST_START_TEST(test_unfinished_handshakes_end) {
    Log log;
    Stream stream;
    Viewer silent(stream.port()), slow(stream.port());
    slow.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
    const auto began = std::chrono::steady_clock::now();
    for (Viewer *viewer : {&silent, &slow}) {
        fail_unless(viewer->until([&] {
            slow.send(std::string(1, '\0')); // a byte now and then does not help
            return viewer->closed;
        }));
        fail_unless(eventually([&] { return has(log.all(), "[" + viewer->name + "] TLS: "); }));
    }
    fail_unless(std::chrono::steady_clock::now() - began < std::chrono::seconds(18));
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    Certificates folder;
    const auto good = folder.make("good"), other = folder.make("other"),
               rsa = folder.make("rsa", true), secret = folder.make("secret", false, "word");
    const net::Address any{"127.0.0.1", 0};
    std::string error = refusal(any, {folder.path("none.pem"), good.key});
    fail_unless(has(error, "tls-certificate: can't read '" + folder.path("none.pem") +
                               "': No such file or directory"),
                "%s", error.c_str());
    error = refusal(any, {good.certificate, folder.path("none.key")});
    fail_unless(has(error, "tls-key: can't read"), "%s", error.c_str());
    error = refusal(any, {good.key, good.key});
    fail_unless(has(error, "tls-certificate: '" + good.key + "' has no certificate"), "%s",
                error.c_str());
    error = refusal(any, {good.certificate, good.certificate});
    fail_unless(has(error, "tls-key: '" + good.certificate + "' has no key"), "%s", error.c_str());
    for (const auto &wrong : {other, rsa}) {
        error = refusal(any, {good.certificate, wrong.key});
        fail_unless(has(error, "is not that of the certificate"), "%s", error.c_str());
    }
    error = refusal(any, secret);
    fail_unless(has(error, "without a passphrase"), "%s", error.c_str());

    const auto open = net::HttpServer::open(any, good, &error);
    fail_unless(open);
    fail_unless(net::HttpServer::open(open->address(), good, &error) == open);
    fail_unless(has(refusal(open->address(), {}), "a port has one certificate, or none"));
    fail_unless(has(refusal(open->address(), rsa), "with the certificate '" + good.certificate));
    const auto plain = net::HttpServer::open(any, &error);
    fail_unless(has(refusal(plain->address(), good), "without TLS"));

    const struct {
        const char *scheme;
        net::TlsFiles files;
        const char *says;
    } cases[] = {{"https", {}, "needs a certificate"},
                 {"https", {"a", ""}, "needs tls-key"},
                 {"https", {"", "b"}, "needs tls-certificate"},
                 {"rtmps", {}, "an rtmps:// location needs a certificate"},
                 {"rtmp", {"a", ""}, "needs tls-key"}};
    for (const auto &[scheme, files, says] : cases) {
        fail_if(net::tls_for(scheme, files, &error));
        fail_unless(has(error, says), "%s", error.c_str());
    }
    for (const char *scheme : {"https", "rtmps", "rtmp"})
        fail_unless(net::tls_for(scheme, good, &error) == good);
    fail_unless(net::tls_for("rtmp", {}, &error) == net::TlsFiles());
    fail_unless(net::tls_for("http", good, &error) == net::TlsFiles());
}
GST_END_TEST

GST_START_TEST(test_renewed_certificate) {
    Log log;
    Stream stream;
    stream.start();
    stream.gop();
    TlsViewer before(stream.port(), stream.files.certificate);
    before.get("/live/cam.flv");
    fail_unless(before.until_frames(4));
    fail_unless_equals_string(before.shown().c_str(), "first");
    // A certificate without its matching key is not used.
    std::ofstream(stream.files.key) << "broken";
    fail_unless(eventually([&] {
        const TlsViewer viewer(stream.port(), stream.files.certificate);
        return viewer.shown() == "first" && has(log.all(), "still using the certificate");
    }));
    Certificates::write(stream.files, "second");
    fail_unless(eventually([&] {
        const TlsViewer viewer(stream.port(), stream.files.certificate);
        return viewer.shown() == "second";
    }));
    stream.gop();
    fail_unless(before.until_frames(8));
}
GST_END_TEST

GST_START_TEST(test_hls_url) {
    Certificates folder;
    net::HlsMountOptions options;
    options.tls = folder.make("first");
    std::string error;
    const auto feed = net::open_hls_feed({"127.0.0.1", 0}, "live/cam/index.m3u8", options, &error);
    fail_unless(feed, "%s", error.c_str());
    fail_unless(feed->url().starts_with("https://127.0.0.1:"), "%s", feed->url().c_str());
}
GST_END_TEST

// A server that is released while the process ends, after whatever else ends then: OpenSSL has not
// freed its memory before.
GST_START_TEST(test_process_ends) {
    const pid_t child = ::fork();
    if (child == 0) {
        static Stream *stream = nullptr;
        static TlsViewer *viewer = nullptr;
        std::atexit([] { // called after the handlers of what is used from here on
            delete stream;
            const bool clean = viewer->until_closed() && viewer->clean_end;
            delete viewer;
            if (!clean) ::_exit(3);
        });
        stream = new Stream;
        stream->start();
        stream->gop();
        viewer = new TlsViewer(stream->port(), stream->files.certificate);
        viewer->get("/live/cam.flv");
        std::exit(viewer->until_frames(4) ? 0 : 2);
    }
    int status = -1;
    fail_unless(::waitpid(child, &status, 0) == child);
    fail_unless_equals_int(status, 0);
}
GST_END_TEST

static Suite *net_tls_suite() {
    Suite *suite = suite_create("net_tls");
    TCase *tcase = tcase_create("all");
    suite_add_tcase(suite, tcase);
    // It forks. With CK_FORK=no the tests share a process, and after another one it has threads,
    // which a child process lacks while it has the locks that they held.
    tcase_add_test(tcase, test_process_ends);
    tcase_add_test(tcase, test_framings);
    tcase_add_test(tcase, test_packets_share_records);
    tcase_add_test(tcase, test_slow_viewer);
    tcase_add_test(tcase, test_key_update);
    tcase_add_test(tcase, test_records_in_pieces);
    tcase_add_test(tcase, test_titles);
    tcase_add_test(tcase, test_handlers);
    tcase_add_test(tcase, test_plain_http_is_answered);
    tcase_add_test(tcase, test_garbage);
    tcase_add_test(tcase, test_unfinished_handshakes_end);
    tcase_add_test(tcase, test_refusals);
    tcase_add_test(tcase, test_renewed_certificate);
    tcase_add_test(tcase, test_hls_url);
    return suite;
}

GST_CHECK_MAIN(net_tls);
