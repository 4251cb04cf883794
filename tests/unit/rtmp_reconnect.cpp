// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests to connect again: where a client may be sent, and a publisher and a player that are sent
// from one server to another.
#include "core/net/loop/resolve.h"
#include "core/net/rtmp/client.h"
#include "core/rtmp/client_redirect.h"
#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;

namespace {

rtmp::ClientUrl url(const std::string &location, const std::string &key = "key?a=b") {
    std::string error;
    const auto out = rtmp::parse_client_url(location, key, true, &error);
    fail_unless(out.has_value(), "%s", error.c_str());
    return *out;
}

/// "rtmp://host/app" of where a client of `from` goes, or the reason why it stays.
std::string sent(const std::string &from, const std::string &to) {
    std::string error;
    const auto out = rtmp::redirect_client(url(from), to, &error);
    if (!out) return error;
    fail_unless_equals_string(out->request.name.c_str(), "key?a=b");
    fail_unless(out->request.publish);
    return out->request.tc_url;
}

net::Reach reach(const std::string &numeric) {
    net::SocketAddress address;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (inet_pton(AF_INET, numeric.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        std::memcpy(&address.storage, &v4, sizeof v4);
    } else {
        fail_unless(inet_pton(AF_INET6, numeric.c_str(), &v6.sin6_addr) == 1);
        v6.sin6_family = AF_INET6;
        std::memcpy(&address.storage, &v6, sizeof v6);
    }
    return net::reach_of(address);
}

/// A client whose changes are recorded.
struct Recorded final : net::RtmpClientEvents {
    void on_change(const net::RtmpClientChange &change) override {
        std::lock_guard lock(mutex);
        if (change.state == change.live) ++lives;
        if (change.state == change.waiting) reasons += change.reason + "\n";
    }
    bool on_tag(flv::Tag &&tag) override {
        std::lock_guard lock(mutex);
        if (tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame)
            times.push_back(tag.timestamp);
        return true;
    }
    void on_warning(const std::string &text) override {
        std::lock_guard lock(mutex);
        warnings += text + "\n";
    }
    std::string said() {
        std::lock_guard lock(mutex);
        return reasons + warnings;
    }
    long count_warnings() {
        std::lock_guard lock(mutex);
        return std::ranges::count(warnings, '\n');
    }
    size_t tags() {
        std::lock_guard lock(mutex);
        return times.size();
    }
    std::unique_ptr<net::RtmpClient> open(const std::string &location, bool publish) {
        std::string error;
        const auto parsed = rtmp::parse_client_url(location, "", publish, &error);
        net::RtmpClientOptions options{.url = *parsed};
        options.backoff.first = 20;
        auto out = net::RtmpClient::open(std::move(options), *this, &error);
        fail_unless(out != nullptr, "%s", error.c_str());
        return out;
    }
    std::mutex mutex;
    std::atomic<int> lives{0};
    std::string reasons, warnings;
    std::vector<uint32_t> times;
};

/// A server and the times of the frames that it received.
struct Node : net::TagReceiver {
    explicit Node(uint16_t port = 0) {
        const std::string path = "live/cam";
        std::string error;
        server = net::RtmpServer::open({"127.0.0.1", port}, &error);
        fail_unless(server != nullptr, "%s", error.c_str());
        feed = server->feed(path, {.history = {.keep = 2'000'000'000}}, &error);
        claim = server->claim(path, *this, {}, &error);
        fail_unless(feed && claim, "%s", error.c_str());
    }
    void on_published(const net::Publisher &) override { ++published; }
    void on_unpublished(const std::string &) override { ++unpublished; }
    bool on_tag(flv::Tag &&tag) override {
        if (tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame) {
            std::lock_guard lock(mutex);
            marks.push_back(tag.body_view().back());
            keys.push_back(tag.kind == flv::TagKind::keyframe);
        }
        feed->push(tag);
        return true;
    }
    size_t frames() {
        std::lock_guard lock(mutex);
        return marks.size();
    }
    std::string location(const std::string &path = "live/cam") const {
        return "rtmp://127.0.0.1:" + std::to_string(server->address().port) + "/" + path;
    }
    void ask(bool publisher, const std::string &to) const {
        server->ask_to_reconnect("live/cam", publisher, to, "going down");
    }
    uint16_t port() const { return server->address().port; }
    std::shared_ptr<net::RtmpServer> server;
    std::mutex mutex;
    std::vector<uint8_t> marks; ///< the last byte of each frame
    std::vector<bool> keys;
    std::atomic<int> published{0}, unpublished{0};
    std::unique_ptr<net::PlayFeed> feed;
    std::unique_ptr<net::PublishClaim> claim;
};

flv::Tag frame(uint8_t number) {
    return samples::video_frame(number * 40U, number % 10 == 0, number);
}

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != text.npos;
}

} // namespace

GST_START_TEST(test_where) {
    const std::string here = "rtmp://a.example:1936/live/x?token=1";
    const struct {
        std::string to, is;
    } cases[] = {
        {"", here},
        {"rtmp://b.example/live2", "rtmp://b.example/live2"},
        {"rtmps://b.example/live2?q=1", "rtmps://b.example/live2?q=1"},
        {"//b.example:4000/live2", "rtmp://b.example:4000/live2"},
        {"//[2001:db8::1]/live2", "rtmp://[2001:db8::1]/live2"},
        {"/other", "rtmp://a.example:1936/other"},
        {"other", "rtmp://a.example:1936/live/other"},
        {"./other/", "rtmp://a.example:1936/live/other"},
        {"../other", "rtmp://a.example:1936/other"},
        {"../../../other", "rtmp://a.example:1936/other"},
        {"/a/./b/../c", "rtmp://a.example:1936/a/c"},
        {"?token=2", "rtmp://a.example:1936/live/x?token=2"},
    };
    for (const auto &[to, is] : cases)
        fail_unless_equals_string(sent(here, to).c_str(), is.c_str());
    fail_unless_equals_string(sent("rtmps://a.example/live", "/b").c_str(), "rtmps://a.example/b");
}
GST_END_TEST

GST_START_TEST(test_where_not) {
    const struct {
        std::string to, says;
    } cases[] = {
        {"http://b.example/live", "neither rtmp:// nor rtmps://"},
        {"file:///etc/passwd", "neither rtmp:// nor rtmps://"},
        {"rtmpt://b.example/live", "neither rtmp:// nor rtmps://"},
        {"RTMP:live", "neither rtmp:// nor rtmps://"},
        {"rtmp://user:pass@b.example/live", "a user and password"},
        {"rtmp://b.example", "no application"},
        {"rtmp://b.example:0/live", "no valid host and port"},
        {"rtmp://b.example:99999/live", "no valid host and port"},
        {"rtmp:///live", "no valid host and port"},
        {"rtmp://b.example/li ve", "no spaces"},
        {"/x\r\nSET a b", "no spaces"},
        {"/x#y", "a fragment"},
        {"/" + std::string(5000, 'x'), "longer than 4096"},
        {"..", "no application"},
    };
    for (const auto &[to, says] : cases)
        fail_unless(has(sent("rtmp://a.example/live", to), says), "%s: %s", to.c_str(),
                    sent("rtmp://a.example/live", to).c_str());
    fail_unless(has(sent("rtmps://a.example/live", "rtmp://b.example/live"), "without TLS"));
}
GST_END_TEST

GST_START_TEST(test_reach) {
    for (const char *address :
         {"127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"})
        fail_unless(reach(address) == net::Reach::machine, "%s", address);
    for (const char *address :
         {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.7.7", "169.254.1.1", "100.64.0.1",
          "fd00::1", "fe80::1", "::ffff:192.168.0.1"})
        fail_unless(reach(address) == net::Reach::network, "%s", address);
    for (const char *address : {"8.8.8.8", "172.32.0.1", "11.0.0.1", "2001:db8::1"})
        fail_unless(reach(address) == net::Reach::world, "%s", address);
}
GST_END_TEST

// Every frame arrives: up to a keyframe at one server, from it on at the other.
GST_START_TEST(test_publisher_moves) {
    Node first, second;
    Recorded events;
    const auto client = events.open(first.location(), true);
    client->publish(samples::video_config());
    // One at a time, so that nothing is superseded while it waits for the second.
    for (uint8_t i = 0; i < 60; ++i) {
        client->publish(frame(i));
        fail_unless(eventually([&] { return first.frames() + second.frames() == i + 1U; }),
                    "frame %u: %s", i, events.said().c_str());
        if (i == 14)
            first.ask(true,
                      "//127.0.0.1:" + std::to_string(second.server->address().port) + "/live");
    }
    fail_unless_equals_int(second.published, 1);
    fail_unless(eventually([&] { return first.unpublished == 1; }));
    for (Node *node : {&first, &second}) {
        std::lock_guard lock(node->mutex);
        fail_unless(node->keys.at(0), "it does not begin with a keyframe");
    }
    std::vector<uint8_t> marks = first.marks;
    marks.insert(marks.end(), second.marks.begin(), second.marks.end());
    for (uint8_t i = 0; i < 60; ++i)
        fail_unless_equals_int(marks.at(i), i);
    fail_unless(first.marks.size() % 10 == 0);
    fail_unless_equals_int(events.lives, 2);
    fail_unless(has(events.said(), "asks to connect again to rtmp://127.0.0.1:"));
    fail_unless(has(events.said(), "going down"));
}
GST_END_TEST

GST_START_TEST(test_player_moves) {
    Node first, second;
    Recorded events;
    for (Node *node : {&first, &second}) {
        node->feed->push(samples::video_config());
        node->feed->push(samples::video_frame(0, true));
    }
    const auto client = events.open(first.location(), false);
    fail_unless(eventually([&] { return events.tags() == 1; }), "%s", events.said().c_str());
    first.ask(false, second.location("live"));
    fail_unless(eventually([&] { return events.tags() == 2; }), "%s", events.said().c_str());
    second.feed->push(samples::video_frame(40, false));
    fail_unless(eventually([&] { return events.tags() == 3; }));
    fail_unless(eventually([&] { return first.server->mounts().at(0).viewers == 0; }));
}
GST_END_TEST

// Where it is sent nobody listens: it comes back.
GST_START_TEST(test_nobody_there) {
    Node first;
    uint16_t closed;
    {
        const auto gone = open_server();
        closed = gone->address().port;
    }
    Recorded events;
    const auto client = events.open(first.location(), true);
    client->publish(samples::video_config());
    client->publish(frame(0));
    fail_unless(eventually([&] { return first.frames() == 1; }));
    first.ask(true, "rtmp://127.0.0.1:" + std::to_string(closed) + "/live");
    uint8_t number = 1;
    fail_unless(eventually([&] {
                    if (number < 250) client->publish(frame(number++));
                    return first.published == 2 && first.frames() > 1;
                }),
                "%s", events.said().c_str());
}
GST_END_TEST

// A request that may not be obeyed changes nothing.
GST_START_TEST(test_not_obeyed) {
    Node first;
    Recorded events;
    const auto client = events.open(first.location(), true);
    client->publish(samples::video_config());
    client->publish(frame(0));
    fail_unless(eventually([&] { return first.frames() == 1; }));
    first.ask(true, "http://127.0.0.1/live");
    fail_unless(eventually([&] { return has(events.said(), "neither rtmp:// nor rtmps://"); }));
    for (int i = 0; i < 20; ++i) // is told of once, however often it asks
        first.ask(true, "ftp://127.0.0.1/live");
    client->publish(frame(10));
    fail_unless(eventually([&] { return first.frames() == 2; }));
    fail_unless_equals_int(events.lives, 1);
    // The next request is obeyed, and comes behind those.
    first.ask(true, "");
    uint8_t number = 10;
    fail_unless(eventually([&] {
        if (number < 240) client->publish(frame(number += 10));
        return has(events.said(), "asks to connect again to");
    }));
    fail_if(has(events.said(), "ftp"));
    // Reasons may be more: the server may see the next connection before the last one's end.
    fail_unless_equals_int(events.count_warnings(), 1);
}
GST_END_TEST

// The next connection of a publisher that was asked comes before the first one has ended: it has
// the name.
GST_START_TEST(test_comes_early) {
    const Log log;
    Node node;
    Recorded old, next;
    const auto client = old.open(node.location(), true);
    client->publish(samples::video_config());
    client->publish(frame(0));
    fail_unless(eventually([&] { return node.frames() == 1; }));
    node.ask(true, "");
    // Without a keyframe it does not leave yet.
    fail_unless(eventually([&] { return has(log.all(), "asked to connect again"); }));
    const auto again = next.open(node.location(), true);
    fail_unless(eventually([&] { return next.lives == 1; }), "%s", next.said().c_str());
    fail_if(has(next.said(), "published already"), "%s", next.said().c_str());
    fail_unless_equals_int(node.published, 2);
}
GST_END_TEST

// A server that ends asks its publishers and players to connect again, and the next one at its port
// has them. They are not told that the stream has ended.
GST_START_TEST(test_server_ends) {
    auto first = std::make_unique<Node>();
    const uint16_t port = first->port();
    Recorded publisher, player;
    const auto source = publisher.open(first->location(), true);
    source->publish(samples::video_config());
    source->publish(frame(0));
    fail_unless(eventually([&] { return first->frames() == 1; }));
    const auto sink = player.open(first->location(), false);
    fail_unless(eventually([&] { return player.tags() == 1; }), "%s", player.said().c_str());
    first.reset();
    for (Recorded *each : {&publisher, &player}) {
        fail_unless(eventually([&] { return has(each->said(), "asks to connect again to"); }), "%s",
                    each->said().c_str());
        fail_if(has(each->said(), "has ended the stream"), "%s", each->said().c_str());
    }
    Node second(port);
    uint8_t number = 1;
    fail_unless(eventually([&] {
                    if (number < 250) source->publish(frame(number++));
                    return player.tags() > 1;
                }),
                "%s%s", publisher.said().c_str(), player.said().c_str());
    fail_unless_equals_int(second.published, 1);
}
GST_END_TEST

// A pipeline that stops asks its publisher, which finds the next one.
GST_START_TEST(test_receiver_stops) {
    Node node;
    Recorded events;
    const auto client = events.open(node.location(), true);
    client->publish(samples::video_config());
    client->publish(frame(0));
    fail_unless(eventually([&] { return node.frames() == 1; }));
    node.claim.reset();
    fail_unless(eventually([&] { return has(events.said(), "asks to connect again to"); }), "%s",
                events.said().c_str());
    fail_unless(has(events.said(), "the pipeline that received it has stopped"), "%s",
                events.said().c_str());
    std::string error;
    node.claim = node.server->claim("live/cam", node, {}, &error);
    uint8_t number = 1;
    fail_unless(eventually([&] {
                    if (number < 250) client->publish(frame(number++));
                    return node.published == 2 && node.frames() > 1;
                }),
                "%s", events.said().c_str());
}
GST_END_TEST

static Suite *rtmp_reconnect_suite() {
    Suite *suite = suite_create("rtmp_reconnect");
    TCase *tests = tcase_create("rtmp_reconnect");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_where);
    tcase_add_test(tests, test_where_not);
    tcase_add_test(tests, test_reach);
    tcase_add_test(tests, test_publisher_moves);
    tcase_add_test(tests, test_player_moves);
    tcase_add_test(tests, test_nobody_there);
    tcase_add_test(tests, test_not_obeyed);
    tcase_add_test(tests, test_comes_early);
    tcase_add_test(tests, test_server_ends);
    tcase_add_test(tests, test_receiver_stops);
    return suite;
}
GST_CHECK_MAIN(rtmp_reconnect)
