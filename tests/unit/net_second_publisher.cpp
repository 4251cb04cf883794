// SPDX-License-Identifier: LGPL-2.1-or-later
// A second publisher of a name over real sockets: it takes the name over, stands by, or is refused,
// and mounts tell which of the two is on air.
#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;

namespace {

/// Keeps every question until the test answers it.
struct Asked final : net::PeerWatch {
    bool authorize(const net::PeerInfo &peer, net::Answer answer) override {
        std::lock_guard lock(mutex);
        answers[peer.address] = std::move(answer);
        return true;
    }
    bool has(size_t count) const {
        std::lock_guard lock(mutex);
        return answers.size() == count;
    }
    void allow(const Peer &peer) {
        std::unique_lock lock(mutex);
        const net::Answer answer = answers.at(peer.name);
        lock.unlock();
        answer(true);
    }
    mutable std::mutex mutex;
    std::map<std::string, net::Answer> answers; ///< by the address of who waits
};

/// "PUBLISHER, STANDBY" of the server's first mount, without what kind of peers they are.
std::string names_of(net::RtmpServer &server) {
    const net::MountInfo info = server.mounts().at(0);
    return info.publisher.substr(info.publisher.find(' ') + 1) + ", " +
           info.standby.substr(info.standby.find(' ') + 1);
}

} // namespace

GST_START_TEST(test_takeover) {
    auto server = open_server();
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "", {.republish = net::Republish::takeover}));
    Peer first(server->address().port), second(server->address().port);
    first.publish("cam");
    fail_unless(first.until_said("NetStream.Publish.Start"));
    first.send(samples::video_config());
    fail_unless(eventually([&] { return relay.received == 1; }));
    second.publish("cam");
    fail_unless(second.until_said("NetStream.Publish.Start"));
    fail_unless(first.until_said("NetStream.Publish.BadName"));
    fail_unless(first.said.find("another publisher has taken this name over") != std::string::npos);
    fail_unless(first.until_closed());
    // The stream goes on: nobody was told of an end, and nothing of the first comes any more.
    fail_unless_equals_int(relay.published, 2);
    fail_unless_equals_int(relay.unpublished, 0);
    first.send(samples::video_frame(0, true));
    second.send(samples::video_config());
    fail_unless(eventually([&] { return relay.received == 2; }));
    second.close();
    fail_unless(eventually([&] { return relay.unpublished == 1; }));
    fail_unless_equals_int(relay.received, 2);
    // Only who is admitted takes over.
    Relay keyed;
    fail_unless(
        keyed.on(*server, "live/key", "", {.key = "k", .republish = net::Republish::takeover}));
    Peer good(server->address().port), bad(server->address().port);
    good.publish("key?key=k");
    fail_unless(good.until_said("NetStream.Publish.Start"));
    bad.publish("key?key=x");
    fail_unless(bad.until_said("NetStream.Publish.Denied"));
    good.send(samples::video_config());
    fail_unless(eventually([&] { return keyed.received == 1; }));
    // Who waits for a receiver, or for its word, does not stand by.
    auto other = open_server();
    std::atomic<int> waiting{0};
    auto options = everything();
    options.on_publish = [&](const net::PublishAttempt &) { ++waiting; };
    auto lease = other->rules().add(options, other);
    auto watch = std::make_shared<Asked>();
    Peer on_air(other->address().port), next(other->address().port);
    on_air.publish("cam");
    fail_unless(eventually([&] { return waiting == 1; }));
    next.publish("cam");
    fail_unless(eventually([&] { return waiting == 2; }));
    fail_unless_equals_string(names_of(*other).c_str(), (on_air.name + ", ").c_str());
    Relay asked;
    fail_unless(
        asked.on(*other, "live/cam", "", {.republish = net::Republish::takeover, .watch = watch}));
    fail_unless(eventually([&] { return watch->has(2); }));
    fail_unless(other->mounts().at(0).pending);
    fail_unless_equals_string(names_of(*other).c_str(), (on_air.name + ", ").c_str());
    watch->allow(on_air);
    fail_unless(on_air.until_said("NetStream.Publish.Start"));
    fail_if(other->mounts().at(0).pending);
    fail_unless_equals_string(names_of(*other).c_str(), (on_air.name + ", ").c_str());
    watch->allow(next);
    fail_unless(next.until_said("NetStream.Publish.Start"));
    fail_unless(on_air.until_said("NetStream.Publish.BadName"));
    fail_unless_equals_string(names_of(*other).c_str(), (next.name + ", ").c_str());
}
GST_END_TEST

// Two publish, a third is refused; each is heard as itself.
GST_START_TEST(test_backup) {
    struct Second : net::TagReceiver {
        void on_published(const net::Publisher &who) override { is_backup = who.is_backup(); }
        void on_unpublished(const std::string &) override { ++unpublished; }
        bool on_tag(flv::Tag &&) override { return ++received > 0; }
        std::atomic<int> is_backup{-1}, received{0}, unpublished{0};
    };
    struct Both : Relay {
        net::PublishReceiver *second() override { return &other; }
        bool is_second_on_air() const override { return is_other_on_air; }
        Second other;
        std::atomic<bool> is_other_on_air{false};
    };
    auto server = open_server();
    Both both;
    fail_unless(both.on(*server, "live/cam", "", {.republish = net::Republish::backup}));
    Peer first(server->address().port), second(server->address().port),
        third(server->address().port);
    first.publish("cam");
    fail_unless(first.until_said("NetStream.Publish.Start"));
    second.publish("cam?backup=1");
    fail_unless(second.until_said("NetStream.Publish.Start"));
    third.publish("cam");
    fail_unless(third.until_said("NetStream.Publish.BadName"));
    first.send(samples::video_config());
    second.send(samples::video_config());
    second.send(samples::video_config());
    fail_unless(eventually([&] { return both.received == 1 && both.other.received == 2; }));
    fail_unless_equals_int(both.other.is_backup, 1);
    // Both are named, the one on air first.
    fail_unless_equals_string(names_of(*server).c_str(), (first.name + ", " + second.name).c_str());
    both.is_other_on_air = true;
    fail_unless_equals_string(names_of(*server).c_str(), (second.name + ", " + first.name).c_str());
    first.close();
    fail_unless(eventually([&] { return both.unpublished == 1; }));
    fail_unless(server->mounts().at(0).publishing);
    fail_unless_equals_string(names_of(*server).c_str(), (second.name + ", ").c_str());
    fail_unless(can_publish(server->address().port, "cam"));
    second.close();
    fail_unless(eventually([&] { return both.other.unpublished == 1; }));
    fail_unless(eventually([&] { return !server->mounts().at(0).publishing; }));
    // A receiver that takes one only refuses the second.
    Relay one;
    fail_unless(one.on(*server, "live/one", "", {.republish = net::Republish::backup}));
    Peer a(server->address().port), b(server->address().port);
    a.publish("one");
    fail_unless(a.until_said("NetStream.Publish.Start"));
    b.publish("one");
    fail_unless(b.until_said("NetStream.Publish.BadName"));
    // Who is admitted is named before one who waits to be.
    auto other = open_server();
    std::atomic<int> waiting{0};
    auto options = everything();
    options.on_publish = [&](const net::PublishAttempt &) { ++waiting; };
    auto lease = other->rules().add(options, other);
    auto watch = std::make_shared<Asked>();
    Peer waits(other->address().port), admitted(other->address().port);
    waits.publish("cam");
    fail_unless(eventually([&] { return waiting == 1; }));
    admitted.publish("cam");
    fail_unless(eventually([&] { return waiting == 2; }));
    Both asked;
    fail_unless(
        asked.on(*other, "live/cam", "", {.republish = net::Republish::backup, .watch = watch}));
    fail_unless(eventually([&] { return watch->has(2); }));
    fail_unless(other->mounts().at(0).pending);
    watch->allow(admitted);
    fail_unless(admitted.until_said("NetStream.Publish.Start"));
    fail_if(other->mounts().at(0).pending);
    fail_unless_equals_string(names_of(*other).c_str(), (admitted.name + ", ").c_str());
    watch->allow(waits);
    fail_unless(waits.until_said("NetStream.Publish.Start"));
    fail_unless_equals_string(names_of(*other).c_str(),
                              (waits.name + ", " + admitted.name).c_str());
}
GST_END_TEST

// Two wait for a pipeline that is still to come: it says what becomes of the second.
GST_START_TEST(test_two_wait) {
    for (const auto republish :
         {net::Republish::reject, net::Republish::takeover, net::Republish::backup}) {
        auto server = open_server();
        std::atomic<int> asked{0};
        auto lease =
            server->rules().add(net::LeaseOptions{[](std::string_view) { return true; },
                                                  [&](const net::PublishAttempt &) { ++asked; },
                                                  {}},
                                server);
        Peer first(server->address().port), second(server->address().port);
        first.publish("cam");
        fail_unless(eventually([&] { return asked == 1; }));
        second.publish("cam");
        fail_unless(eventually([&] { return asked == 2; }));
        struct Both : Relay {
            net::PublishReceiver *second() override { return &other; }
            Relay other;
        } both;
        fail_unless(both.on(*server, "live/cam", "", {.republish = republish}));
        Peer &taken = republish == net::Republish::takeover ? second : first;
        Peer &last = republish == net::Republish::takeover ? first : second;
        fail_unless(taken.until_said("NetStream.Publish.Start"));
        fail_unless(last.until_said(republish == net::Republish::backup
                                        ? "NetStream.Publish.Start"
                                        : "NetStream.Publish.BadName"));
        fail_unless_equals_int(both.published, 1);
    }
}
GST_END_TEST

static Suite *net_second_publisher_suite() {
    Suite *s = suite_create("net_second_publisher");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_takeover);
    tcase_add_test(tc, test_backup);
    tcase_add_test(tc, test_two_wait);
    return s;
}
GST_CHECK_MAIN(net_second_publisher)
