// SPDX-License-Identifier: LGPL-2.1-or-later
// HLS over HTTP: waiting requests, grace and end, navigation by browsers, and admission.
#include "core/net/http/hls/mount.h"
#include "core/net/http/server.h"
#include "core/net/loop/clock.h"
#include "core/net/stream/mounts.h"

#include "check.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace penstock;
using namespace penstock::net;
using namespace std::chrono_literals;

struct Reply {
    int status = 0;
    std::string head, body;
    std::string header(const std::string &name) const {
        std::istringstream lines(head);
        for (std::string line; std::getline(lines, line);) {
            if (line.ends_with('\r')) line.pop_back();
            if (line.size() > name.size() && line[name.size()] == ':' &&
                strncasecmp(line.c_str(), name.c_str(), name.size()) == 0)
                return line.substr(line.find_first_not_of(' ', name.size() + 1));
        }
        return {};
    }
};

/// Whether the path is unknown, and the answer has these words.
static bool has(const Reply &reply, const char *words) {
    return reply.status == 404 && reply.body.find(words) != std::string::npos;
}

/// One request on a new connection.
static Reply request(uint16_t port, const std::string &path, const std::string &method = "GET",
                     const std::string &headers = "") {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval limit{20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    Reply reply;
    if (connect(fd, reinterpret_cast<sockaddr *>(&to), sizeof to) == 0) {
        const std::string text =
            method + " " + path +
            " HTTP/1.1\r\nHost: test\r\nUser-Agent: t\r\nConnection: close\r\n" + headers + "\r\n";
        fail_unless(send(fd, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size()));
        std::string all;
        char buffer[4096];
        for (ssize_t count; (count = recv(fd, buffer, sizeof buffer, 0)) > 0;)
            all.append(buffer, size_t(count));
        const size_t end = all.find("\r\n\r\n");
        if (end != all.npos) {
            reply.head = all.substr(0, end);
            reply.body = all.substr(end + 4);
            reply.status = std::stoi(all.substr(9, 3));
        }
    }
    close(fd);
    return reply;
}

static hls::Segment segment() {
    hls::Segment segment;
    segment.data = Bytes::adopt(std::vector<uint8_t>(1880, 0x47));
    segment.duration = 2'000'000'000;
    segment.codecs = "avc1.64000d,mp4a.40.2";
    segment.width = 320;
    segment.height = 240;
    segment.has_video = segment.has_audio = true;
    return segment;
}

static std::unique_ptr<HlsFeed> open_feed(HlsMountOptions options = {}, uint16_t port = 0,
                                          const std::string &path = "live/cam/index.m3u8") {
    std::string error;
    auto feed = open_hls_feed({"127.0.0.1", port}, path, options, &error);
    fail_unless(feed != nullptr, "%s", error.c_str());
    return feed;
}

static uint16_t port_of(const HlsFeed &feed) {
    std::string error;
    return parse_location(feed.url(), 80, &error)->address.port;
}

static playlist::MediaPlaylist parsed(const Reply &reply) {
    playlist::MediaPlaylist list;
    fail_unless_equals_int(reply.status, 200);
    fail_unless(playlist::parse(reply.body, list).is_ok());
    return list;
}

/// The mounts of one server only: those of earlier tests live on for their grace period.
static std::vector<MountInfo> mounts_at(uint16_t port) {
    auto mounts = Mounts::instance().snapshot("hls");
    std::erase_if(mounts, [&](const MountInfo &m) { return m.address.port != port; });
    return mounts;
}

GST_START_TEST(test_serves) {
    auto feed = open_feed({.playlist_length = 3});
    const uint16_t port = port_of(*feed);
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/live/cam/index.m3u8";
    fail_unless(feed->url() == url);
    feed->publish(segment());
    const Reply reply = request(port, "/live/cam/index.m3u8?x=1");
    const auto list = parsed(reply);
    fail_unless(reply.header("Content-Type") == "application/vnd.apple.mpegurl");
    fail_unless(reply.header("Cache-Control") == "max-age=1");
    fail_unless(reply.header("Access-Control-Allow-Origin") == "*");
    const std::string oldest = "/live/cam/" + list.segments.at(0).uri;
    const Reply media = request(port, oldest);
    fail_unless(media.status == 200 && media.body == std::string(1880, 0x47));
    fail_unless(media.header("Content-Type") == "video/mp2t");
    fail_unless(media.header("Cache-Control") == "public, max-age=31536000, immutable");
    const Reply head = request(port, oldest, "HEAD");
    fail_unless(head.status == 200 && head.body.empty() && head.header("Content-Length") == "1880");
    for (int i = 0; i < 7; ++i) // three in the list, four more served
        feed->publish(segment());
    fail_unless_equals_int(request(port, oldest).status, 404);
    for (const char *path : {"/live/cam/index/", "/live/cam/index/seg-0-0.ts", "/live/cam/other",
                             "/live/cam/index/../../x", "/live/cam/index.m3u8x"})
        fail_unless_equals_int(request(port, path).status, 404);
    const auto mounts = Mounts::instance().snapshot("hls");
    fail_unless_equals_int(mounts.size(), 1);
    const MountInfo &info = mounts[0];
    fail_unless(info.live && info.since > 1'600'000'000'000 && info.media.segments == 8);
    fail_unless(info.path == "live/cam/index.m3u8" && info.address.port == port);
    fail_unless(info.media.bitrate == 7520 && info.media.width == 320 && info.media.has_audio &&
                info.viewers == 1);
    fail_unless(feed->stats().bytes_out >= 2 * 1880);
}
GST_END_TEST

// A request that precedes the oldest segment is answered as soon as that exists, or with 503 in the
// end.
GST_START_TEST(test_waits_for_the_first) {
    auto feed = open_feed();
    const uint16_t port = port_of(*feed);
    std::atomic<bool> answered{false};
    Reply reply;
    std::thread viewer([&] {
        reply = request(port, "/live/cam/index.m3u8");
        answered = true;
    });
    while (feed->stats().requests == 0)
        std::this_thread::yield();
    fail_if(answered);
    feed->publish(segment());
    viewer.join();
    fail_unless_equals_int(parsed(reply).segments.size(), 1);

    auto slow = open_feed({.first_segment_wait = 50ms});
    const Reply late = request(port_of(*slow), "/live/cam/index.m3u8");
    fail_unless(late.status == 503 && late.header("Retry-After") == "1");
}
GST_END_TEST

GST_START_TEST(test_republish_and_grace) {
    auto feed = open_feed({.ending = {.grace = 30s}});
    const uint16_t port = port_of(*feed);
    feed->publish(segment());
    feed->publish(segment());
    std::string error;
    fail_if(open_hls_feed({"127.0.0.1", port}, "live/cam/index.m3u8", {}, &error));
    fail_unless(error.find("already") != std::string::npos);
    feed.reset();
    fail_unless_equals_int(parsed(request(port, "/live/cam/index.m3u8")).segments.size(), 2);
    fail_unless(mounts_at(port).size() == 1 && !mounts_at(port)[0].live);
    feed = open_feed({.ending = {.grace = 0s, .linger = 0s}}, port); // the same again
    feed->publish(segment());
    const auto list = parsed(request(port, "/live/cam/index.m3u8"));
    fail_unless(list.segments.size() == 3 && list.segments[2].discontinuity &&
                list.media_sequence == 0);
    fail_unless(mounts_at(port)[0].live);
    auto other = open_feed({}, port, "live/b/index.m3u8"); // keeps the server open
    feed.reset();
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (mounts_at(port).size() > 1 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    fail_unless_equals_int(request(port, "/live/cam/index.m3u8").status, 404);
    feed = open_feed({}, port); // and a new one, without a past
    feed->publish(segment());
    fail_unless_equals_int(parsed(request(port, "/live/cam/index.m3u8")).segments.size(), 1);
}
GST_END_TEST

// A stream that has ended says so in its playlist, and the next stream at its address has other
// segments.
GST_START_TEST(test_endlist) {
    auto feed = open_feed({.ending = {.grace = 0s, .linger = 1h}});
    const uint16_t port = port_of(*feed);
    const std::string path = "/live/cam/index.m3u8";
    feed->publish(segment());
    feed->publish(segment());
    fail_if(parsed(request(port, path)).ended);
    fail_unless(has(request(port, "/live/cam.flv"), "This stream is at\n"));
    feed.reset();
    fail_unless(has(request(port, "/live/cam.flv"), "This stream is off air."));
    const auto ended = parsed(request(port, path));
    fail_unless(ended.ended && ended.segments.size() == 2);
    const std::string last = "/live/cam/" + ended.segments.back().uri;
    fail_unless_equals_int(request(port, last).status, 200);

    feed = open_feed({.first_segment_wait = 1ms}, port);
    feed->publish(segment());
    const auto list = parsed(request(port, path));
    fail_unless(!list.ended && list.segments.size() == 1 && list.media_sequence == 2);
    fail_unless(list.segments[0].discontinuity);
    fail_unless_equals_int(request(port, last).status, 200); // for one that reads the old list
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    std::string error;
    for (const char *bad : {"", "live/cam", "live/../index.m3u8", ".m3u8", "a/.m3u8", "a b.m3u8"}) {
        error.clear();
        fail_if(open_hls_feed({"127.0.0.1", 0}, bad, {}, &error), "'%s' was opened", bad);
        fail_if(error.empty());
    }
    auto feed = open_feed();
    fail_if(open_hls_feed({"203.0.113.1", 1}, "a.m3u8", {}, &error));
    // Playlists in the same folder, above it and at the root don't interfere.
    const uint16_t port = port_of(*feed);
    auto a = open_feed({}, port, "live/cam/low.m3u8");
    auto b = open_feed({}, port, "live/cam.m3u8");
    auto c = open_feed({}, port, "index.m3u8");
    for (auto *f : {a.get(), b.get(), c.get()})
        f->publish(segment());
    for (const char *path : {"/live/cam/low.m3u8", "/live/cam.m3u8", "/index.m3u8"}) {
        const auto list = parsed(request(port, path));
        const std::string folder = std::string(path).substr(0, std::string(path).rfind('/') + 1);
        fail_unless_equals_int(request(port, folder + list.segments[0].uri).status, 200);
    }
}
GST_END_TEST

// The answer depends on whether a browser navigates to the playlist's address, and tells caches so.
GST_START_TEST(test_navigation) {
    auto feed = open_feed();
    feed->publish(segment());
    const uint16_t port = port_of(*feed);
    const std::string path = "/live/cam/index.m3u8";
    const std::string browser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
    // Without a handler of navigations everybody gets the playlist.
    Reply reply = request(port, path, "GET", browser);
    fail_unless_equals_int(parsed(reply).segments.size(), 1);
    fail_unless_equals_string(reply.header("Vary").c_str(), "Accept-Encoding");

    auto server = HttpServer::open({"127.0.0.1", port}, nullptr);
    fail_unless(server != nullptr);
    const auto page = [](const HttpRequest &request, HttpReply answer) {
        HttpResponse response;
        response.status = 303;
        response.cache_control = "no-store";
        response.headers = {{"Location", "/#" + request.path}};
        answer(response);
    };
    auto navigation = server->handle_navigation(".m3u8", page);
    fail_unless(navigation != nullptr);
    fail_unless(server->handle_navigation(".m3u8", page) == nullptr);

    // Accept decides only if Sec-Fetch-Dest is missing, as over plain HTTP from another host.
    const std::string dest = "Sec-Fetch-Dest: ";
    for (const std::string &headers :
         {browser, browser + dest + "document\r\n", "Accept: */*\r\n" + dest + "document\r\n"}) {
        reply = request(port, path + "?a=b", "GET", headers);
        fail_unless_equals_int(reply.status, 303);
        fail_unless_equals_string(reply.header("Location").c_str(), "/#/live/cam/index.m3u8");
        fail_unless_equals_string(reply.header("Vary").c_str(), "Accept, Sec-Fetch-Dest");
    }
    for (const std::string &headers :
         {std::string(), std::string("Accept: */*\r\n"), browser + dest + "empty\r\n",
          browser + dest + "video\r\n", browser + dest + "iframe\r\n"}) {
        reply = request(port, path, "GET", headers);
        fail_unless_equals_int(parsed(reply).segments.size(), 1);
        fail_unless_equals_string(reply.header("Vary").c_str(),
                                  "Accept, Sec-Fetch-Dest, Accept-Encoding");
    }
    // A stream that does not exist yet has a page as well; a request for its playlist gets an
    // error.
    fail_unless_equals_int(request(port, "/live/other.m3u8", "GET", browser).status, 303);
    reply = request(port, "/live/other.m3u8");
    fail_unless_equals_int(reply.status, 404);
    fail_unless_equals_string(reply.header("Vary").c_str(), "Accept, Sec-Fetch-Dest");
    // Requests for segments are not affected.
    reply =
        request(port, "/live/cam/" + parsed(request(port, path)).segments[0].uri, "GET", browser);
    fail_unless_equals_int(reply.status, 200);
    fail_unless(reply.header("Vary").empty());

    navigation.reset();
    fail_unless_equals_int(request(port, path, "GET", browser).status, 200);
}
GST_END_TEST

namespace {
struct Judge final : PeerWatch {
    bool authorize(const PeerInfo &peer, Answer answer) override {
        std::lock_guard lock(mutex);
        asked = peer;
        ++questions;
        Verdict verdict(allow.load());
        verdict.until_ms = until_ms;
        answer(verdict);
        return true;
    }
    void connected(const PeerInfo &) override { ++inside; }
    void disconnected(const PeerInfo &, const std::string &) override { --inside; }
    std::mutex mutex;
    PeerInfo asked;
    std::atomic<int> questions{0}, inside{0};
    std::atomic<bool> allow{true};
    std::atomic<uint64_t> until_ms{0};
};
} // namespace

// Every viewer needs one decision, and its segments' URLs are its own.
GST_START_TEST(test_admission) {
    const auto judge = std::make_shared<Judge>();
    auto feed = open_feed({.watch = judge});
    const uint16_t port = port_of(*feed);
    feed->publish(segment());
    const std::string path = "/live/cam/index.m3u8";
    const Reply reply = request(port, path + "?key=secret");
    const auto list = parsed(reply);
    fail_unless(reply.header("Cache-Control").find("private") != std::string::npos);
    const std::string uri = list.segments.at(0).uri;
    fail_unless(uri.find("?session=") != std::string::npos, "%s", uri.c_str());
    fail_unless(judge->asked.protocol == "hls" && judge->asked.key == "secret" &&
                judge->asked.path == "live/cam/index.m3u8");
    fail_unless_equals_int(judge->inside, 1);
    fail_unless_equals_int(request(port, "/live/cam/" + uri).status, 200);
    const std::string bare = uri.substr(0, uri.find('?'));
    fail_unless_equals_int(request(port, "/live/cam/" + bare).status, 403);
    fail_unless_equals_int(request(port, "/live/cam/" + bare + "?session=0123").status, 403);
    // The same viewer is known on its next request; one with another query counts as another
    // viewer.
    fail_unless(parsed(request(port, path + "?key=secret")).segments.at(0).uri == uri);
    fail_unless_equals_int(judge->questions, 1);
    judge->allow = false;
    fail_unless_equals_int(request(port, path + "?key=wrong").status, 403);
    fail_unless_equals_int(judge->questions, 2);
    fail_unless_equals_int(feed->stats().viewers, 1);

    // An admission that expires ends the session: the next request for the playlist asks again.
    judge->allow = true;
    judge->until_ms = steady_ms();
    const auto brief = parsed(request(port, path + "?key=brief"));
    judge->allow = false;
    fail_unless_equals_int(request(port, "/live/cam/" + brief.segments.at(0).uri).status, 403);
    fail_unless_equals_int(request(port, path + "?key=brief").status, 403);
    fail_unless_equals_int(judge->questions, 4);

    // The next producer's watcher decides about viewers that stayed.
    feed.reset();
    const auto other = std::make_shared<Judge>();
    other->allow = false;
    feed = open_feed({.watch = other}, port);
    feed->publish(segment());
    fail_unless_equals_int(request(port, "/live/cam/" + uri).status, 403);
    fail_unless_equals_int(other->questions, 1);
}
GST_END_TEST

static Suite *hls_mount_suite() {
    Suite *s = suite_create("hls_mount");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_serves);
    tcase_add_test(tc, test_waits_for_the_first);
    tcase_add_test(tc, test_republish_and_grace);
    tcase_add_test(tc, test_endlist);
    tcase_add_test(tc, test_refusals);
    tcase_add_test(tc, test_navigation);
    tcase_add_test(tc, test_admission);
    return s;
}
GST_CHECK_MAIN(hls_mount)
