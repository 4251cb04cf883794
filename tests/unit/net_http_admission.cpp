// SPDX-License-Identifier: LGPL-2.1-or-later
// Admission of viewers over HTTP and WebSocket: the decision of the stream and of the listener, of
// the next feed, and of an earlier request on the connection.
#include "unit/http_exchange.hpp"

#include <future>

#include "unit/http_stream_rig.hpp"

using namespace net_test;
using http_test::Viewer;

namespace {

class Judge final : public net::PeerWatch {
public:
    explicit Judge(bool allow) : allow_(allow) {}
    bool authorize(const net::PeerInfo &peer, net::Answer answer) override {
        std::lock_guard lock(mutex_);
        asked_ = peer;
        answer(allow_);
        return true;
    }
    void connected(const net::PeerInfo &peer) override { note("+" + peer.protocol); }
    void disconnected(const net::PeerInfo &peer, const std::string &) override {
        note("-" + peer.protocol);
    }
    net::PeerInfo asked() const {
        std::lock_guard lock(mutex_);
        return asked_;
    }
    std::string events() const {
        std::lock_guard lock(mutex_);
        return events_;
    }

private:
    void note(const std::string &event) {
        std::lock_guard lock(mutex_);
        events_ += event;
    }
    const bool allow_;
    mutable std::mutex mutex_;
    net::PeerInfo asked_;
    std::string events_;
};

} // namespace

GST_START_TEST(test_somebody_decides) {
    for (const bool allow : {true, false}) {
        net::HttpMountOptions options;
        const auto judge = std::make_shared<Judge>(allow), listener = std::make_shared<Judge>(true);
        options.watch = judge;
        Stream stream(options);
        std::string error;
        net::HttpServer::open(stream.feed->address(), &error)->rules().add_watch(listener);
        stream.start();
        stream.gop();
        {
            Viewer viewer(stream.port()), socket(stream.port());
            viewer.get("/live/cam.flv?a=b&key=k", "User-Agent: me\r\n");
            fail_unless(viewer.until_answered());
            fail_unless(viewer.says(allow ? " 200 " : " 403 "), "%s", viewer.head.c_str());
            const net::PeerInfo asked = judge->asked();
            fail_unless_equals_string(asked.path.c_str(), "live/cam.flv");
            fail_unless_equals_string(asked.key.c_str(), "k");
            fail_unless_equals_string(asked.client.c_str(), "me");
            fail_unless_equals_string(asked.address.c_str(), viewer.name.c_str());
            fail_if(asked.publish);
            fail_unless_equals_string(listener->asked().protocol.c_str(), "http");
            socket.upgrade("/live/cam.flv");
            fail_unless(socket.until_answered());
            fail_unless(socket.says(allow ? " 101 " : " 403 "), "%s", socket.head.c_str());
            if (allow) fail_unless(viewer.until_frames(3) && socket.until_frames(3));
        }
        if (allow) {
            for (const auto &each : {judge, listener})
                fail_unless(eventually([&] { return each->events().size() == 30; }), "%s",
                            each->events().c_str());
        }
        fail_unless(eventually([&] { return stream.feed->stats().viewers == 0; }));
        if (!allow) fail_unless(judge->events().empty() && listener->events().empty());
    }
}
GST_END_TEST

// A viewer that waits on a path without a feed needs the next feed's permission.
GST_START_TEST(test_the_next_feed_decides_too) {
    auto stream = std::make_unique<Stream>();
    const net::Address address = stream->feed->address();
    Viewer viewer(address.port);
    viewer.get("/live/cam.flv");
    fail_unless(viewer.until_answered());
    fail_unless(eventually([&] { return stream->feed->stats().viewers == 1; }));
    std::string error;
    const auto keeper = net::HttpServer::open(address, &error);
    stream.reset();
    net::HttpMountOptions options;
    options.watch = std::make_shared<Judge>(false);
    const auto feed = net::open_http_feed(address, "live/cam.flv", options, &error);
    feed->begin({"video/x-flv"});
    feed->push(samples::video_config());
    feed->push(samples::video_frame(0, true));
    fail_unless(viewer.until_closed());
    fail_unless(viewer.body.empty());
}
GST_END_TEST

// The decision about one path does not affect the connection's next request.
GST_START_TEST(test_watch_of_the_request_before) {
    net::HttpMountOptions options;
    const auto judge = std::make_shared<Judge>(true);
    options.watch = judge;
    Stream watched(options, "live/a.flv");
    std::string error;
    const auto server = net::HttpServer::find(watched.feed->address());
    std::promise<net::DemandAnswer> demanded;
    const auto lease = server->rules().add(
        net::DemandOptions{
            [](std::string_view path) { return path == "live/b.flv"; },
            [](const std::string &) { return false; },
            [&](const std::string &, net::DemandAnswer answer) { demanded.set_value(answer); }},
        server);
    http_test::Exchange client(watched.port());
    client.request("GET", "/live/a.flv", "Range: bytes=100-\r\n");
    fail_unless_equals_int(client.answer().status, 416);
    fail_unless_equals_string(judge->asked().path.c_str(), "live/a.flv");
    client.request("GET", "/live/b.flv");
    const auto answer = demanded.get_future().get();
    const auto feed = net::open_http_feed(server->address(), "live/b.flv", {}, &error);
    fail_unless(feed, "%s", error.c_str());
    feed->begin({"video/x-flv"});
    answer(true, {});
    fail_unless(eventually([&] { return feed->stats().viewers == 1; }));
    client.close();
    fail_unless(eventually([&] { return feed->stats().viewers == 0; }));
    fail_unless_equals_string(judge->asked().path.c_str(), "live/a.flv");
    fail_unless_equals_string(judge->events().c_str(), "");
}
GST_END_TEST

static Suite *net_http_admission_suite() {
    Suite *s = suite_create("net_http_admission");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_somebody_decides);
    tcase_add_test(tc, test_the_next_feed_decides_too);
    tcase_add_test(tc, test_watch_of_the_request_before);
    return s;
}
GST_CHECK_MAIN(net_http_admission)
