// SPDX-License-Identifier: LGPL-2.1-or-later
// Viewers over HTTP and WebSocket on real sockets: responses, viewers that outlive the feed, and
// the independence of viewers.
#include "unit/http_stream_rig.hpp"

using namespace net_test;
using http_test::Viewer;

// The same stream in three framings, from the keyframe on, with a file header that names the
// tracks.
GST_START_TEST(test_framings) {
    Stream stream;
    stream.start();
    stream.gop();
    stream.gop();
    Viewer chunked(stream.port()), once(stream.port()), old(stream.port()), socket(stream.port());
    chunked.get("/live/cam.flv?x=y");
    once.get("/live/cam.flv", "Connection: close\r\nRange: bytes=0-\r\n");
    old.get("/live/cam.flv", "", "GET", "1.0");
    socket.upgrade("/live/cam.flv");
    for (Viewer *viewer : {&chunked, &once, &old, &socket}) {
        fail_unless(viewer->until_frames(3), "%s", viewer->head.c_str());
        fail_if(viewer->malformed);
        const auto &tags = viewer->tags;
        fail_unless_equals_int(tags.size(), 6);
        fail_unless(tags[0].kind == flv::TagKind::metadata);
        fail_unless(tags[3].kind == flv::TagKind::keyframe);
        fail_unless_equals_int(tags[3].timestamp, 80);
        fail_unless_equals_int(viewer->body[4], 5); // sound and pictures
    }
    for (Viewer *viewer : {&chunked, &once, &old}) {
        fail_unless(viewer->says("HTTP/1.1 200 OK\r\n"));
        fail_unless(viewer->says("Content-Type: video/x-flv\r\n"));
        fail_unless(viewer->says("Access-Control-Allow-Origin: *\r\n"));
        fail_unless(viewer->says("Cache-Control: no-store\r\n"));
        fail_unless(viewer->says("Accept-Ranges: none\r\n"));
        fail_if(viewer->says("Content-Length"));
    }
    // ffmpeg asks for the connection to be closed, and takes an end without a last chunk for an
    // error.
    for (Viewer *viewer : {&chunked, &once})
        fail_unless(viewer->says("Transfer-Encoding: chunked\r\n"));
    fail_if(chunked.says("Connection: close"));
    for (Viewer *viewer : {&once, &old})
        fail_unless(viewer->says("Connection: close\r\n"));
    fail_if(old.says("Transfer-Encoding"));
    fail_unless(socket.says("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    fail_unless_equals_int(socket.messages, 7); // the file header, then each tag
    stream.gop();
    for (Viewer *viewer : {&chunked, &once, &old, &socket})
        fail_unless(viewer->until_frames(6));
    fail_unless_equals_int(stream.feed->stats().viewers, 4);
}
GST_END_TEST

GST_START_TEST(test_header_promises_only_what_is_there) {
    for (const bool video : {true, false}) {
        Stream stream;
        Viewer early(stream.port());
        early.get("/live/cam.flv");
        fail_unless(early.until_answered());
        fail_unless(early.body.empty());
        if (video)
            stream.feed->push(samples::video_config());
        else
            stream.feed->push(samples::audio_config());
        for (uint32_t ms : {0u, 40u})
            stream.feed->push(video ? samples::video_frame(ms, ms == 0) : samples::audio_frame(ms));
        // With audio alone, a viewer that joins late begins at the newest frame.
        fail_unless(early.until_frames(video ? 2 : 1));
        fail_unless_equals_int(early.body[4], video ? 1 : 4);
    }
}
GST_END_TEST

GST_START_TEST(test_requests) {
    Stream stream;
    stream.start();
    stream.gop();
    const auto ask = [&](const std::string &path, const std::string &headers,
                         const std::string &method, std::string_view status) {
        Viewer viewer(stream.port());
        viewer.get(path, headers, method);
        fail_unless(viewer.until_answered());
        fail_unless(viewer.head.find(status) == 9, "%s %s: %s", method.c_str(), headers.c_str(),
                    viewer.head.c_str());
        fail_if(viewer.malformed);
        return viewer.head;
    };
    const std::string head = ask("/live/cam.flv", "", "HEAD", "200");
    fail_unless(head.find("Content-Type: video/x-flv\r\n") != head.npos);
    fail_unless(head.find("Content-Length") == head.npos);
    fail_unless(head.find("Cache-Control: no-store\r\n") != head.npos);
    ask("/live/cam.flv", "", "OPTIONS", "204");
    ask("/live/cam.flv", "", "POST", "405");
    ask("/live/cam.flv", "Range: bytes=100-\r\n", "GET", "416");
    ask("/live/cam.flv", "Range: bytes=0-99\r\n", "HEAD", "416");
    ask("/live/other.flv", "", "GET", "404");
    ask("/live/cam.flv/more", "", "GET", "404");
    const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    ask("/live/cam.flv",
        upgrade + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "GET", "426");
    ask("/live/cam.flv", upgrade + "Sec-WebSocket-Version: 13\r\n", "GET", "400");
    fail_unless(eventually([&] { return stream.feed->stats().viewers == 0; }));
}
GST_END_TEST

GST_START_TEST(test_websocket_control) {
    Stream stream;
    stream.start();
    stream.gop();
    Viewer good(stream.port()), rude(stream.port());
    good.upgrade("/live/cam.flv");
    // A WebSocket frame may arrive together with the request.
    good.send(std::string_view("\x89\x83\x01\x02\x03\x04\x60\x60\x60", 9));
    fail_unless(good.until([&] { return good.controls == "10:abc;"; }), "%s",
                good.controls.c_str());
    fail_unless(good.until_frames(3));
    good.send(std::string_view("\x88\x82\0\0\0\0\x03\xe9", 8));
    fail_unless(good.until_closed());
    fail_unless_equals_string(good.controls.c_str(), "10:abc;8:\x03\xe9;");
    rude.upgrade("/live/cam.flv");
    fail_unless(rude.until_frames(3));
    rude.send(std::string_view("\x82\x01x", 3)); // no mask
    fail_unless(rude.until_closed());
    fail_unless_equals_string(rude.controls.c_str(), "8:\x03\xea;");
    fail_unless(eventually([&] { return stream.feed->stats().viewers == 0; }));
}
GST_END_TEST

// Nothing is being sent meanwhile: only reading the socket reveals that the peer has gone.
GST_START_TEST(test_peers_that_go_are_seen_at_once) {
    Stream stream;
    Viewer one(stream.port()), other(stream.port());
    one.get("/live/cam.flv");
    other.upgrade("/live/cam.flv");
    fail_unless(one.until_answered() && other.until_answered());
    fail_unless(eventually([&] { return stream.feed->stats().viewers == 2; }));
    one.close();
    other.close();
    fail_unless(eventually([&] { return stream.feed->stats().viewers == 0; }));
    fail_unless_equals_uint64(stream.feed->stats().viewers_total, 2);
}
GST_END_TEST

// Viewers stay for the next feed: there is no second file header, and time continues.
GST_START_TEST(test_viewers_outlive_the_feed) {
    std::string error;
    net::HttpMountOptions options;
    options.ending.grace = std::chrono::seconds(30);
    auto first = std::make_unique<Stream>(options);
    first->start();
    first->gop();
    const net::Address address = first->feed->address();
    const auto keeper = net::HttpServer::open(address, &error);
    Viewer raw(address.port), chunked(address.port);
    raw.get("/live/cam.flv", "", "GET", "1.0");
    chunked.get("/live/cam.flv");
    fail_unless(raw.until_frames(3) && chunked.until_frames(3));
    fail_unless(net::open_http_feed(address, "live/cam.flv", options, &error) == nullptr);
    fail_unless(error.find("already") != error.npos, "%s", error.c_str());
    first.reset();
    const auto mounts = net::Mounts::instance().snapshot("http");
    fail_unless_equals_int(mounts.size(), 1);
    fail_unless_equals_int(mounts[0].viewers, 2);
    fail_if(mounts[0].live);
    Viewer late(address.port);
    late.get("/live/cam.flv");
    fail_unless(late.until_answered());

    const auto feed = net::open_http_feed(address, "live/cam.flv", options, &error);
    fail_unless(feed, "%s", error.c_str());
    feed->begin({"video/x-flv"});
    feed->push(samples::video_config());
    feed->push(samples::audio_config());
    feed->push(samples::video_frame(0, true));
    for (Viewer *viewer : {&raw, &chunked}) {
        fail_unless(viewer->until_frames(4));
        fail_if(viewer->malformed);
        fail_unless(viewer->body.find("FLV\x01", 5) == std::string::npos);
        fail_unless(viewer->tags.back().timestamp > 40);
    }
    fail_unless(late.until_frames(1));
    fail_unless_equals_int(feed->stats().viewers, 3);
}
GST_END_TEST

// A request that is held ends with its server, though its client has sent the next one already.
GST_START_TEST(test_held_request_ends_with_the_server) {
    std::string error;
    auto server = net::HttpServer::open({"127.0.0.1", 0}, &error);
    fail_unless(server, "%s", error.c_str());
    net::HttpReply held;
    std::atomic<bool> is_held{false}, has_left{false};
    auto registration =
        server->handle("/held", [&](const net::HttpRequest &request, net::HttpReply reply) {
            held = std::move(reply);
            request.on_leave([&] { has_left = true; });
            is_held = true;
        });
    Viewer client(server->address().port);
    const std::string request = "GET /held HTTP/1.1\r\nHost: test\r\n\r\n";
    client.send(request + request);
    fail_unless(eventually([&] { return is_held.load(); }));
    registration.reset();
    server.reset();
    fail_unless(eventually([&] { return has_left.load(); }), "it still waits");
    held = nullptr;
}
GST_END_TEST

// Once a stream has ended, its path is free for another one, even before the last viewer has left.
GST_START_TEST(test_viewers_are_told_of_the_end) {
    net::HttpMountOptions options;
    options.ending = {.grace = {}, .linger = std::chrono::hours(1)};
    auto stream = std::make_unique<Stream>(options);
    stream->start();
    stream->gop();
    const net::Address address = stream->feed->address();
    std::string error;
    auto keeper = net::HttpServer::open(address, &error);
    Viewer raw(address.port), chunked(address.port), socket(address.port);
    raw.get("/live/cam.flv", "", "GET", "1.0");
    chunked.get("/live/cam.flv");
    socket.upgrade("/live/cam.flv");
    for (Viewer *viewer : {&raw, &chunked, &socket})
        fail_unless(viewer->until_frames(3));
    stream.reset();
    for (Viewer *viewer : {&raw, &chunked, &socket}) {
        fail_unless(viewer->until_closed()); // the server's side alone
        fail_if(viewer->malformed);
    }
    fail_unless(chunked.ended);
    fail_unless_equals_string(socket.controls.c_str(), "8:\x03\xe8;");
    Viewer none(address.port);
    none.get("/live/cam.flv");
    fail_unless(none.until_answered());
    fail_unless(none.head.find(" 404 ") != std::string::npos, "%s", none.head.c_str());
    auto next = net::open_http_feed(address, "live/cam.flv", options, &error);
    fail_unless(next != nullptr, "%s", error.c_str());
}
GST_END_TEST

// A viewer waits a limited time for a stream that does not begin.
GST_START_TEST(test_first_media_is_waited_for) {
    net::HttpMountOptions options;
    options.first_media_wait = std::chrono::milliseconds(100);
    Stream stream(options);
    Viewer chunked(stream.port());
    chunked.get("/live/cam.flv");
    fail_unless(chunked.until_closed() && chunked.ended);
}
GST_END_TEST

GST_START_TEST(test_nobody_comes_back) {
    net::HttpMountOptions options;
    options.ending.grace = std::chrono::milliseconds(50);
    auto stream = std::make_unique<Stream>(options);
    stream->start();
    stream->gop();
    const uint16_t port = stream->port();
    std::string error;
    auto keeper = net::HttpServer::open(stream->feed->address(), &error);
    Viewer chunked(port), socket(port);
    chunked.get("/live/cam.flv");
    socket.upgrade("/live/cam.flv");
    fail_unless(chunked.until_frames(3) && socket.until_frames(3));
    stream.reset();
    fail_unless(chunked.until_closed() && socket.until_closed());
    fail_unless(chunked.ended);
    fail_unless_equals_string(socket.controls.c_str(), "8:\x03\xe8;");
    fail_unless(eventually([&] { return net::Mounts::instance().snapshot("http").empty(); }));
    keeper.reset();
    fail_unless(eventually([&] { return Viewer(port).closed; })); // nor is there a listener
}
GST_END_TEST

// 40 MB pass a viewer that does not read: the others get all of it; the slow one skips or is
// closed.
GST_START_TEST(test_slow_viewers) {
    for (const fanout::Slow slow : {fanout::Slow::skip, fanout::Slow::close}) {
        net::HttpMountOptions options;
        options.policy.slow = slow;
        options.history.bytes = 1'000'000;
        Stream stream(options);
        stream.start();
        stream.gop();
        Viewer stuck(stream.port(), 16384), good(stream.port());
        stuck.get("/live/cam.flv");
        good.get("/live/cam.flv");
        fail_unless(stuck.until_frames(3) && good.until_frames(3));
        size_t frames = 3;
        for (int i = 0; i < 200; ++i) {
            stream.gop(100'000);
            frames += 3;
            fail_unless(good.until_frames(frames), "%zu of %zu", good.frames(), frames);
            for (flv::Tag &tag : good.tags)
                tag.bytes = {};
            good.body.clear();
        }
        const auto stats = [&] { return stream.feed->stats(); };
        if (slow == fanout::Slow::close) {
            fail_unless(stuck.until_closed());
            fail_unless(eventually([&] { return stats().closed_slow == 1; }));
            continue;
        }
        // It reads again: the rest of what was cut off comes first, then the newest keyframe.
        fail_unless(stuck.until([&] { return stats().skipped > 0; }));
        stream.gop(1000);
        const uint32_t newest = stream.ms - 40;
        fail_unless(stuck.until(
            [&] { return !stuck.tags.empty() && stuck.tags.back().timestamp == newest; }));
        fail_if(stuck.malformed);
        fail_unless(stuck.frames() < frames);
    }
}
GST_END_TEST

GST_START_TEST(test_stuck_viewer_is_closed) {
    Log log;
    net::HttpMountOptions options;
    options.policy.stall_timeout = 300'000'000;
    options.history.bytes = 1'000'000;
    Stream stream(options);
    stream.start();
    stream.gop();
    Viewer stuck(stream.port(), 16384), socket(stream.port(), 16384);
    stuck.get("/live/cam.flv");
    socket.upgrade("/live/cam.flv");
    fail_unless(stuck.until_frames(3) && socket.until_frames(3));
    for (int i = 0; i < 200; ++i)
        stream.gop(100'000);
    fail_unless(eventually([&] { return stream.feed->stats().closed_slow == 2; }));
    for (const char *kind : {"http-play-", "ws-play-"})
        fail_unless(eventually([&] { return log.warned(kind, "has not read anything for 0.3 s"); }),
                    "%s",
                    log.all().c_str()); // the line comes after the count
    fail_unless_equals_int(stream.feed->stats().viewers, 0);
}
GST_END_TEST

// A stream of another format sends its headers first and begins where viewers may join.
GST_START_TEST(test_bytes) {
    Stream stream({}, "radio.ogg", {"audio/ogg"});
    stream.feed->set_headers({Bytes::copy_of(std::string_view("<head>"))});
    const auto push = [&](std::string_view text, bool joinable) {
        stream.feed->push(Bytes::copy_of(text), joinable, true);
    };
    push("1", false);
    push("2", true);
    push("3", false);
    Viewer viewer(stream.port()), socket(stream.port());
    viewer.get("/radio.ogg");
    fail_unless(viewer.until([&] { return viewer.body == "<head>23"; }), "%s", viewer.body.c_str());
    fail_unless(viewer.says("Content-Type: audio/ogg\r\n"));
    push("4", true);
    Viewer late(stream.port());
    late.get("/radio.ogg", "Connection: close\r\n");
    fail_unless(late.until([&] { return late.body == "<head>4"; }), "%s", late.body.c_str());
    fail_unless(viewer.until([&] { return viewer.body == "<head>234"; }));
    fail_if(viewer.malformed || late.malformed);
}
GST_END_TEST

static Suite *net_http_suite() {
    Suite *s = suite_create("net_http");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_framings);
    tcase_add_test(tc, test_header_promises_only_what_is_there);
    tcase_add_test(tc, test_requests);
    tcase_add_test(tc, test_websocket_control);
    tcase_add_test(tc, test_peers_that_go_are_seen_at_once);
    tcase_add_test(tc, test_viewers_outlive_the_feed);
    tcase_add_test(tc, test_nobody_comes_back);
    tcase_add_test(tc, test_held_request_ends_with_the_server);
    tcase_add_test(tc, test_viewers_are_told_of_the_end);
    tcase_add_test(tc, test_first_media_is_waited_for);
    tcase_add_test(tc, test_slow_viewers);
    tcase_add_test(tc, test_stuck_viewer_is_closed);
    tcase_add_test(tc, test_bytes);
    return s;
}
GST_CHECK_MAIN(net_http)
