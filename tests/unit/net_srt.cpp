// SPDX-License-Identifier: LGPL-2.1-or-later
// The SRT server with callers on libsrt: who is let in and with which code others are refused, what
// is passed on, and what peers that misbehave come to.
#include "core/net/srt/client.h"

#include "unit/srt_rig.hpp"

#include "check.hpp"

using namespace srt_test;

namespace {

/// A server with a receiver and a feed at live/cam.
struct Site {
    explicit Site(net::ClaimOptions claim_options = {}, const net::SrtTraits &traits = {},
                  const net::SrtLimits &limits = {})
        : server(open_server(limits)) {
        fail_unless(server != nullptr);
        port = server->address().port;
        std::string error;
        claim = server->claim("live/cam", receiver, claim_options, traits, &error);
        // As a sink asks for: viewers that lag find what they have missed.
        feed = server->feed("live/cam", {.history = {.keep = 10'000'000'000}}, traits, &error);
        fail_unless(claim && feed, "%s", error.c_str());
    }
    std::shared_ptr<net::SrtServer> server;
    uint16_t port = 0;
    Receiver receiver;
    std::unique_ptr<net::SrtClaim> claim;
    std::unique_ptr<net::SrtFeed> feed;
};

/// A watcher that answers when it is told to.
class Judge final : public net::PeerWatch {
public:
    bool authorize(const net::PeerInfo &peer, net::Answer answer) override {
        std::lock_guard lock(mutex_);
        peer_ = peer;
        answer_ = std::move(answer);
        ++asked;
        return true;
    }
    void connected(const net::PeerInfo &) override { ++entered; }
    void disconnected(const net::PeerInfo &, const std::string &) override { ++left; }
    void say(bool allowed) {
        std::lock_guard lock(mutex_);
        answer_(allowed);
    }
    net::PeerInfo peer() {
        std::lock_guard lock(mutex_);
        return peer_;
    }
    std::atomic<unsigned> asked{0}, entered{0}, left{0};

private:
    std::mutex mutex_;
    net::PeerInfo peer_;
    net::Answer answer_;
};

} // namespace

GST_START_TEST(test_publish_and_watch) {
    Site site;
    Caller publisher(site.port, "#!::r=live/cam,m=publish");
    fail_unless(publisher.connected);
    Stream stream;
    const auto gop = stream.gop();
    fail_unless(publisher.send(gop));
    fail_unless(eventually([&] { return site.receiver.bytes >= gop.size(); }));
    fail_unless(site.receiver.published == 1 && site.receiver.misaligned == 0);
    fail_unless_equals_uint64(site.claim->bytes_in(), gop.size());

    // A viewer that joins begins with the tables and a keyframe.
    Feeder feeder(*site.feed);
    Caller viewer(site.port, "read:live/cam"), second(site.port, "live/cam");
    fail_unless(viewer.connected && second.connected);
    for (Caller *each : {&viewer, &second}) {
        const auto got = each->read(gop.size());
        fail_unless(got.size() >= gop.size() && got[0] == 0x47, "%zu", got.size());
        fail_unless((got[1] & 0x1F) == 0 && got[2] == 0); // the PAT
    }
    fail_unless(eventually([&] { return site.feed->stats().viewers == 2; }));
    viewer.hang_up();
    fail_unless(eventually([&] { return site.feed->stats().viewers == 1; }));
    const auto mounts = site.server->mounts();
    fail_unless(mounts.size() == 1 && mounts[0].publishing && mounts[0].live);
    fail_unless(mounts[0].publisher.starts_with("srt-publish-"));

    // The publisher goes, and comes back.
    publisher.hang_up();
    fail_unless(eventually([&] { return site.receiver.unpublished == 1; }));
    Caller again(site.port, "publish:live/cam");
    fail_unless(again.connected);
    fail_unless(eventually([&] { return site.receiver.published == 2; }));
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    Site site({.key = "KEY"});
    const auto refused = [&](const char *id) { return Caller(site.port, id).refusal; };
    fail_unless_equals_int(refused(""), SRT_REJX_BAD_REQUEST);
    fail_unless_equals_int(refused("publish:../x"), SRT_REJX_BAD_REQUEST);
    fail_unless_equals_int(refused("#!::r=live/cam,m=bidirectional"), SRT_REJX_BAD_MODE);
    fail_unless_equals_int(refused("#!::r=live/cam,t=file"), SRT_REJX_NOTSUP_MEDIA);
    fail_unless_equals_int(refused("publish:live/other"), SRT_REJX_NOTFOUND);
    fail_unless_equals_int(refused("read:live/other"), SRT_REJX_NOTFOUND);
    fail_unless_equals_int(refused("publish:live/cam"), SRT_REJX_UNAUTHORIZED);
    fail_unless_equals_int(refused("publish:live/cam:key=WRONG"), SRT_REJX_UNAUTHORIZED);
    std::string longest = "publish:live/cam:key=KEY&x=";
    longest.resize(512, 'x');
    Caller publisher(site.port, longest);
    fail_unless(publisher.connected);
    fail_unless(eventually([&] { return site.receiver.published == 1; }));
    fail_unless_equals_int(refused("#!::r=live/cam,m=publish,s=KEY"), SRT_REJX_CONFLICT);
}
GST_END_TEST

GST_START_TEST(test_takeover) {
    Site site({.republish = net::Republish::takeover});
    Caller first(site.port, "publish:live/cam");
    fail_unless(eventually([&] { return site.receiver.published == 1; }));
    Caller second(site.port, "publish:live/cam");
    fail_unless(second.connected);
    fail_unless(eventually([&] { return site.receiver.published == 2; }));
    fail_unless(eventually([&] { return !first.is_open(); }));
    Stream stream;
    const auto gop = stream.gop();
    fail_unless(second.send(gop));
    fail_unless(eventually([&] { return site.receiver.bytes == gop.size(); }));
}
GST_END_TEST

GST_START_TEST(test_passphrase) {
    Site site({}, {.passphrase = passphrase});
    fail_unless_equals_int(Caller(site.port, "publish:live/cam").refusal, SRT_REJ_UNSECURE);
    fail_unless_equals_int(Caller(site.port, "publish:live/cam", "another passphrase").refusal,
                           SRT_REJ_BADSECRET);
    fail_unless(site.receiver.published == 0);
    Caller publisher(site.port, "publish:live/cam", passphrase);
    fail_unless(publisher.connected);
    Stream stream;
    const auto gop = stream.gop();
    fail_unless(publisher.send(gop));
    fail_unless(eventually([&] { return site.receiver.bytes == gop.size(); }));
    // Another path of the same port is not encrypted.
    Receiver plain;
    std::string error;
    const auto claim = site.server->claim("live/plain", plain, {}, {}, &error);
    fail_unless(Caller(site.port, "publish:live/plain").connected);
    fail_unless_equals_int(Caller(site.port, "publish:live/plain", passphrase).refusal,
                           SRT_REJ_UNSECURE);
    // What a rule will give a path holds before anybody has claimed it.
    const auto lease =
        site.server->rules().add(net::LeaseOptions{.matches = [](std::string_view) { return true; },
                                                   .on_publish = [](const net::PublishAttempt &) {},
                                                   .publish_key = {}},
                                 site.server);
    const auto expected =
        site.server->expect({.publish = true, .traits = {.passphrase = passphrase}});
    fail_unless_equals_int(Caller(site.port, "publish:live/new").refusal, SRT_REJ_UNSECURE);
    fail_unless(Caller(site.port, "publish:live/new", passphrase).connected);
    fail_unless(!site.server->claim("live/x", plain, {}, {.passphrase = "short"}, &error));
    fail_unless(error.find("10 to 79") != error.npos, "%s", error.c_str());
}
GST_END_TEST

// A path's passphrase holds for those, too, that come before it is known.
GST_START_TEST(test_passphrase_comes_later) {
    const auto server = open_server();
    const uint16_t port = server->address().port;
    const auto is_path = [](const char *wanted) {
        return [wanted](std::string_view path) { return path == wanted; };
    };
    const auto lease = server->rules().add(
        net::LeaseOptions{.matches = [](std::string_view path) { return path != "live/none"; },
                          .on_publish = [](const net::PublishAttempt &) {},
                          .publish_key = {}},
        server);
    const auto expected = server->expect(
        {.publish = true, .traits = {.passphrase = passphrase}, .matches = is_path("live/a")});
    // What is expected of one path is of no other.
    fail_unless_equals_int(Caller(port, "publish:live/a").refusal, SRT_REJ_UNSECURE);
    Caller a(port, "publish:live/a", passphrase), b(port, "publish:live/b"),
        viewer(port, "read:live/b"), plain(port, "read:live/c");
    fail_unless(a.connected && b.connected && viewer.connected && plain.connected);
    std::string error;
    Receiver of_a, of_b, of_c;
    auto claim_a = server->claim("live/a", of_a, {}, {.passphrase = passphrase}, &error);
    fail_unless(eventually([&] { return of_a.published == 1; }));
    const auto claim_b = server->claim("live/b", of_b, {}, {.passphrase = passphrase}, &error);
    fail_unless(eventually([&] { return !b.is_open(); }));
    fail_unless(of_b.published == 0 && a.is_open());
    const auto feed_b = server->feed("live/b", {}, {.passphrase = passphrase}, &error);
    const auto feed_c = server->feed("live/c", {}, {}, &error);
    Feeder feeder_b(*feed_b), feeder_c(*feed_c);
    fail_unless(eventually([&] { return !viewer.is_open(); }));
    fail_unless(viewer.read(1).empty());
    fail_unless(plain.read(1316).size() >= 1316);
    // A receiver that is refused leaves the first one's passphrase as it is.
    fail_unless(!server->claim("live/a", of_c, {}, {}, &error));
    fail_unless(
        eventually([&] { return Caller(port, "publish:live/a").refusal == SRT_REJX_CONFLICT; }));
    a.hang_up();
    fail_unless(eventually([&] { return of_a.unpublished == 1; }));
    fail_unless_equals_int(Caller(port, "publish:live/a").refusal, SRT_REJ_UNSECURE);
    // The next receiver's counts.
    claim_a.reset();
    claim_a = server->claim("live/a", of_c, {}, {}, &error);
    fail_unless(Caller(port, "publish:live/a").connected);
}
GST_END_TEST

/// Sends publishers to another path.
class Sender final : public net::PeerWatch {
public:
    bool authorize(const net::PeerInfo &, net::Answer answer) override {
        net::Verdict verdict(true);
        verdict.path = "live/closed";
        answer(verdict);
        return true;
    }
    void connected(const net::PeerInfo &) override {}
    void disconnected(const net::PeerInfo &, const std::string &) override {}
};

// Nobody gets around a passphrase by a path without one that leads to it.
GST_START_TEST(test_passphrase_of_new_path) {
    const auto server = open_server();
    const uint16_t port = server->address().port;
    const auto sender = std::make_shared<Sender>();
    server->rules().add_watch(sender);
    Receiver open, closed;
    std::string error;
    const auto open_claim = server->claim("live/open", open, {}, {}, &error);
    const auto closed_claim =
        server->claim("live/closed", closed, {}, {.passphrase = passphrase}, &error);
    Caller publisher(port, "publish:live/open");
    fail_unless(publisher.connected);
    fail_unless(eventually([&] { return !publisher.is_open(); }));
    fail_unless(open.published == 0 && closed.published == 0);
    Caller other(port, "publish:live/closed", passphrase);
    fail_unless(eventually([&] { return closed.published == 1; }));
}
GST_END_TEST

// A publisher's name is free again though it goes on to send: no media are in it.
GST_START_TEST(test_garbage_is_silence) {
    Site site({.silence_timeout = 1'000'000'000});
    Caller publisher(site.port, "publish:live/cam");
    Stream stream;
    publisher.send(stream.gop());
    fail_unless(eventually([&] { return site.receiver.bytes > 0; }));
    const std::vector<uint8_t> garbage(1316, 0x11);
    fail_unless(eventually([&] {
        publisher.send(garbage);
        return !publisher.is_open();
    }));
    fail_unless(eventually([&] { return site.receiver.unpublished == 1; }));
}
GST_END_TEST

/// Is full after each call, and has room before it returns from it.
class Juggler final : public net::SrtClientEvents {
public:
    void on_change(const net::ClientChange &) override {}
    bool on_packets(Bytes &&packets) override {
        bytes += packets.size();
        if (net::SrtClient *self = client) self->resume();
        return client == nullptr;
    }
    std::atomic<net::SrtClient *> client{nullptr};
    std::atomic<size_t> bytes{0};
};

GST_START_TEST(test_client_resumed_early) {
    Site site;
    Feeder feeder(*site.feed);
    Juggler events;
    std::string error;
    const auto client = net::SrtClient::open({.host = "127.0.0.1",
                                              .port = site.port,
                                              .stream_id = "read:live/cam",
                                              .traits = {},
                                              .backoff = {},
                                              .queue = {}},
                                             events, &error);
    fail_unless(client != nullptr, "%s", error.c_str());
    events.client = client.get();
    for (int i = 0; i < 5; ++i) {
        const size_t before = events.bytes;
        fail_unless(eventually([&] { return events.bytes > before; }), "round %d", i);
    }
    fail_unless(client->totals().connections == 1);
}
GST_END_TEST

// What the connections before have counted is not forgotten.
GST_START_TEST(test_networks) {
    net::SrtNetworks networks;
    net::SrtNetwork one;
    one.rtt_ms = 10;
    one.lost = 3;
    one.dropped = 2;
    networks.set("", one);
    networks.remove("");
    fail_unless(networks.sum().rtt_ms == 0);
    one.lost = 1;
    networks.set("", one);
    fail_unless_equals_uint64(networks.sum().lost, 4);
    fail_unless_equals_uint64(networks.sum().dropped, 4);
}
GST_END_TEST

// A publisher of a rule's path waits for the pipeline, and is asked about meanwhile.
GST_START_TEST(test_rule_and_judge) {
    const auto server = open_server();
    const uint16_t port = server->address().port;
    const auto judge = std::make_shared<Judge>();
    server->rules().add_watch(judge);
    std::atomic<unsigned> attempts{0};
    const auto lease = server->rules().add(
        net::LeaseOptions{.matches = [](std::string_view path) { return path == "live/cam"; },
                          .on_publish = [&](const net::PublishAttempt &) { ++attempts; },
                          .publish_key = {},
                          .example = "live/NAME"},
        server);
    Caller publisher(port, "publish:live/cam:me:pass");
    fail_unless(publisher.connected);
    fail_unless(eventually([&] { return judge->asked == 1; }));
    fail_unless(attempts == 0);
    const net::PeerInfo peer = judge->peer();
    fail_unless(peer.protocol == "srt" && peer.publish && peer.path == "live/cam");
    fail_unless(peer.key == "pass" && peer.query == "user=me" && !peer.is_encrypted);
    fail_unless(peer.client.starts_with("SRT 1."), "%s", peer.client.c_str());
    judge->say(true);
    fail_unless(eventually([&] { return attempts == 1; }));
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam", receiver, {}, {}, &error);
    fail_unless(eventually([&] { return receiver.published == 1 && judge->entered == 1; }));
    claim.reset();
    fail_unless(eventually([&] { return !publisher.is_open() && judge->left == 1; }));
    // One that is not allowed is closed.
    Caller other(port, "publish:live/cam");
    fail_unless(eventually([&] { return judge->asked == 2; }));
    judge->say(false);
    fail_unless(eventually([&] { return !other.is_open(); }));
    fail_unless(attempts == 1);
}
GST_END_TEST

// A viewer of a stream that is made on demand waits for it.
GST_START_TEST(test_demand) {
    const auto server = open_server();
    std::mutex mutex;
    std::vector<net::DemandAnswer> answers;
    const auto lease = server->rules().add(
        net::DemandOptions{.matches = [](std::string_view) { return true; },
                           .is_ready = [](const std::string &) { return false; },
                           .on_demand =
                               [&](const std::string &, net::DemandAnswer answer) {
                                   std::lock_guard lock(mutex);
                                   answers.push_back(std::move(answer));
                               }},
        server);
    const auto count = [&] {
        std::lock_guard lock(mutex);
        return answers.size();
    };
    Caller viewer(server->address().port, "read:live/cam"), other(server->address().port, "live/x");
    fail_unless(viewer.connected && eventually([&] { return count() == 2; }));
    std::string error;
    const auto feed = server->feed("live/cam", {}, {}, &error);
    Feeder feeder(*feed);
    for (const auto &answer : answers)
        answer(true, "");
    fail_unless(viewer.read(10'000).size() >= 10'000);
    fail_unless(other.is_open()); // waits for a producer
}
GST_END_TEST

// What is no transport stream ends the publisher that sends it; a viewer has nothing to send.
GST_START_TEST(test_garbage) {
    Site site;
    Caller publisher(site.port, "publish:live/cam");
    const std::vector<uint8_t> garbage(1316, 0x11);
    fail_unless(eventually([&] {
        for (int i = 0; i < 10; ++i)
            publisher.send(garbage);
        return !publisher.is_open();
    }));
    fail_unless(site.receiver.bytes == 0);
    Stream stream;
    site.feed->push(ByteView(stream.gop()));
    Caller viewer(site.port, "read:live/cam");
    fail_unless(eventually([&] {
        for (int i = 0; i < 10; ++i)
            viewer.send(garbage);
        return !viewer.is_open();
    }));
}
GST_END_TEST

// A viewer that never reads is closed, and another one goes on meanwhile.
GST_START_TEST(test_never_reads) {
    const auto server = open_server();
    std::string error;
    net::PlayFeedOptions options{.history = {.keep = 200'000'000}};
    options.policy.stall_timeout = 1'000'000'000;
    const auto feed = server->feed("live/cam", options, {}, &error);
    Feeder feeder(*feed, 200'000);
    const uint16_t port = server->address().port;
    Caller lazy(port, "read:live/cam"), keen(port, "read:live/cam");
    fail_unless(lazy.connected && keen.connected);
    std::atomic<bool> is_done{false};
    std::atomic<size_t> read{0};
    std::thread reader([&] {
        while (!is_done)
            read += keen.read(1316).size();
    });
    const bool is_closed =
        eventually([&] { return feed->stats().closed_slow == 1 && !lazy.is_open(); });
    const size_t before = read;
    const bool goes_on = eventually([&] { return read > before + 500'000; });
    is_done = true;
    reader.join();
    fail_unless(is_closed && goes_on, "%zu, then %zu", before, read.load());
    fail_unless(feed->stats().viewers == 1);
}
GST_END_TEST

// The receiver is full: nothing is read, and it goes on when there is room.
GST_START_TEST(test_full_receiver) {
    Site site;
    site.receiver.has_room = false;
    Caller publisher(site.port, "publish:live/cam");
    Stream stream;
    const auto gop = stream.gop();
    fail_unless(publisher.send(gop));
    fail_unless(eventually([&] { return site.receiver.bytes > 0; }));
    const size_t before = penstock_test::settled([&] { return site.receiver.bytes.load(); });
    site.receiver.has_room = true;
    fail_unless(publisher.send(gop));
    site.claim->resume();
    fail_unless(eventually([&] { return site.receiver.bytes == 2 * gop.size(); }), "%zu, %zu",
                before, site.receiver.bytes.load());
}
GST_END_TEST

GST_START_TEST(test_limits) {
    Site site({}, {}, {.waiting_per_host = 1, .connections = 100, .connections_per_host = 3});
    Stream stream;
    site.feed->push(ByteView(stream.gop()));
    Caller one(site.port, "live/cam"), two(site.port, "live/cam"), three(site.port, "live/cam");
    fail_unless(one.connected && two.connected && three.connected);
    fail_unless(eventually([&] { return site.feed->stats().viewers == 3; }));
    fail_unless_equals_int(Caller(site.port, "live/cam").refusal, SRT_REJX_OVERLOAD);
    one.hang_up();
    two.hang_up();
    fail_unless(eventually([&] { return site.feed->stats().viewers == 1; }));
    Receiver other;
    std::string error;
    const auto claim = site.server->claim("live/wait", other, {}, {}, &error);
    // Those who have left give their places back a little later than their viewers.
    std::optional<Caller> waiting;
    fail_unless(eventually([&] { return waiting.emplace(site.port, "live/wait").connected; }));
    fail_unless(
        eventually([&] { return Caller(site.port, "live/wait").refusal == SRT_REJX_OVERLOAD; }));
    fail_unless(!net::SrtServer::open(site.server->address(), &error));
    fail_unless(error.find("other limits") != error.npos, "%s", error.c_str());
}
GST_END_TEST

// The server ends: its callers are closed, and its port is free again.
GST_START_TEST(test_end) {
    auto site = std::make_unique<Site>();
    const net::Address address = site->server->address();
    Stream stream;
    site->feed->push(ByteView(stream.gop()));
    Caller viewer(address.port, "live/cam"), publisher(address.port, "publish:live/cam");
    fail_unless(eventually([&] { return site->receiver.published == 1; }));
    fail_unless(eventually([&] { return site->feed->stats().viewers == 1; }));
    site.reset();
    fail_unless(eventually([&] { return !viewer.is_open() && !publisher.is_open(); }));
    std::string error;
    std::shared_ptr<net::SrtServer> again;
    fail_unless(
        eventually([&] { return (again = net::SrtServer::open(address, &error)) != nullptr; }),
        "%s", error.c_str());
    fail_unless_equals_int(Caller(address.port, "live/cam").refusal, SRT_REJX_NOTFOUND);
}
GST_END_TEST

GST_START_TEST(test_taken_port) {
    const int other = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    fail_unless(::bind(other, reinterpret_cast<sockaddr *>(&address), size) == 0);
    ::getsockname(other, reinterpret_cast<sockaddr *>(&address), &size);
    std::string error;
    fail_unless(!net::SrtServer::open({"127.0.0.1", ntohs(address.sin_port)}, &error));
    fail_unless(error.find("is in use") != error.npos, "%s", error.c_str());
    ::close(other);
    fail_unless(!net::SrtServer::open({"192.0.2.1", 0}, &error));
    fail_unless(error.find("for every interface") != error.npos, "%s", error.c_str());
}
GST_END_TEST

static Suite *net_srt_suite() {
    Suite *s = suite_create("net_srt");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_publish_and_watch);
    tcase_add_test(tc, test_refusals);
    tcase_add_test(tc, test_takeover);
    tcase_add_test(tc, test_passphrase);
    tcase_add_test(tc, test_passphrase_comes_later);
    tcase_add_test(tc, test_passphrase_of_new_path);
    tcase_add_test(tc, test_garbage_is_silence);
    tcase_add_test(tc, test_client_resumed_early);
    tcase_add_test(tc, test_networks);
    tcase_add_test(tc, test_rule_and_judge);
    tcase_add_test(tc, test_demand);
    tcase_add_test(tc, test_garbage);
    tcase_add_test(tc, test_never_reads);
    tcase_add_test(tc, test_full_receiver);
    tcase_add_test(tc, test_limits);
    tcase_add_test(tc, test_end);
    tcase_add_test(tc, test_taken_port);
    return s;
}
GST_CHECK_MAIN(net_srt)
