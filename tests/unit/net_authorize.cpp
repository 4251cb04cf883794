// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers that need an external decision: they wait, nothing is started for them, other peers do not
// wait; without an answer they are refused.
#include "core/net/loop/held_clock.h"
#include "core/net/loop/loops.h"
#include "core/net/stream/mounts.h"
#include "unit/net_rig.hpp"

#include <future>

#include "check.hpp"

using namespace net_test;

namespace {

/// A watcher that keeps every question until the test answers it, or answers at once.
class Judge final : public net::PeerWatch {
public:
    enum class Mode { keep, allow, refuse, nobody };
    explicit Judge(Mode mode) : mode(mode) {}
    bool authorize(const net::PeerInfo &peer, net::Answer answer) override {
        std::lock_guard lock(mutex);
        if (mode == Mode::nobody) return false;
        asked.push_back(peer);
        if (mode == Mode::keep)
            kept.push_back(answer);
        else
            answer(mode == Mode::allow);
        return true;
    }
    void connected(const net::PeerInfo &peer) override {
        std::lock_guard lock(mutex);
        events.push_back("+" + peer.id);
    }
    void disconnected(const net::PeerInfo &peer, const std::string &) override {
        std::lock_guard lock(mutex);
        events.push_back("-" + peer.id);
    }
    size_t questions() const {
        std::lock_guard lock(mutex);
        return asked.size();
    }
    size_t seen() const {
        std::lock_guard lock(mutex);
        return events.size();
    }
    mutable std::mutex mutex;
    Mode mode;
    std::vector<net::PeerInfo> asked;
    std::vector<net::Answer> kept;
    std::vector<std::string> events;
};

struct Receiver final : net::TagReceiver {
    void on_published(const net::Publisher &) override { ++published; }
    bool on_tag(flv::Tag &&) override { return true; }
    void on_unpublished(const std::string &) override { ++unpublished; }
    std::atomic<int> published{0}, unpublished{0};
};

} // namespace

GST_START_TEST(test_publisher_waits_for_the_answer) {
    Log log;
    auto server = open_server();
    auto judge = std::make_shared<Judge>(Judge::Mode::keep);
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam", receiver, {.watch = judge}, &error);
    fail_unless(claim != nullptr);
    Peer publisher(server->address().port);
    publisher.publish("cam?key=secret&x=1");
    fail_unless(eventually([&] { return judge->questions() == 1; }));
    const net::PeerInfo peer = judge->asked.at(0);
    fail_unless(peer.publish);
    fail_unless_equals_string(peer.path.c_str(), "live/cam");
    fail_unless_equals_string(peer.key.c_str(), "secret");
    fail_unless_equals_string(peer.query.c_str(), "key=secret&x=1");
    fail_unless_equals_string(peer.address.c_str(), publisher.name.c_str());
    fail_unless(peer.id.starts_with("rtmp-publish-"));
    // A pending decision blocks neither the loop nor other peers.
    Peer other(server->address().port);
    other.publish("none");
    fail_unless(other.until_said("NetStream.Publish.Rejected"));
    fail_unless_equals_int(receiver.published, 0);
    fail_unless(publisher.said.find("NetStream.Publish.") == std::string::npos);
    // The answer comes from another thread, and twice: the second one changes nothing.
    std::thread([&] {
        judge->kept.at(0)(true);
        judge->kept.at(0)(false);
    }).join();
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless_equals_int(receiver.published, 1);
    fail_unless(eventually([&] { return judge->seen() == 1; }));
    publisher.close();
    fail_unless(eventually([&] { return judge->seen() == 2; }));
    fail_unless_equals_string(judge->events[0].c_str(), ("+" + peer.id).c_str());
    fail_unless_equals_string(judge->events[1].c_str(), ("-" + peer.id).c_str());
}
GST_END_TEST

GST_START_TEST(test_publisher_is_refused) {
    Log log;
    auto server = open_server();
    auto judge = std::make_shared<Judge>(Judge::Mode::refuse);
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam", receiver, {.watch = judge}, &error);
    Peer publisher(server->address().port);
    publisher.publish("cam");
    fail_unless(publisher.until_said("NetStream.Publish.Denied"));
    fail_unless(publisher.until_closed());
    fail_unless(log.warned(publisher.name, "not authorized"));
    fail_unless_equals_int(receiver.published, 0);
    fail_unless_equals_int(int(judge->seen()), 0);
    // The name is free.
    judge->mode = Judge::Mode::allow;
    Peer next(server->address().port);
    next.publish("cam");
    fail_unless(next.until_said("NetStream.Publish.Start"));
}
GST_END_TEST

// The name that a watcher assigns is the only one in logs and events: the requested one may be a
// secret.
GST_START_TEST(test_publisher_is_renamed) {
    Log log;
    auto server = open_server();
    auto judge = std::make_shared<Judge>(Judge::Mode::keep);
    server->rules().add_watch(judge);
    std::promise<net::PublishAttempt> attempt;
    const auto lease = server->rules().add(
        net::LeaseOptions{
            .matches = [](std::string_view) { return true; },
            .on_publish = [&](const net::PublishAttempt &made) { attempt.set_value(made); }},
        server);
    Peer publisher(server->address().port);
    publisher.publish("t0psecret");
    fail_unless(eventually([&] { return judge->questions() == 1; }));
    net::Verdict verdict(true);
    verdict.path = "live/anna";
    judge->kept.at(0)(verdict);
    fail_unless_equals_string(attempt.get_future().get().path.c_str(), "live/anna");
    Receiver receiver;
    std::string error;
    const auto claim = server->claim("live/anna", receiver, {}, &error);
    fail_unless(claim != nullptr, "%s", error.c_str());
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless(eventually([&] { return judge->seen() == 1; }));
    fail_if(net::Mounts::instance().find({"rtmp", server->address(), "live/t0psecret"}));

    Peer bad(server->address().port);
    bad.publish("other");
    fail_unless(eventually([&] { return judge->questions() == 2; }));
    verdict.path = "../x";
    judge->kept.at(1)(verdict);
    fail_unless(bad.until_said("NetStream.Publish.Rejected"));
}
GST_END_TEST

// An admission that expires ends the publisher and the player.
GST_START_TEST(test_admission_ends) {
    Log log;
    auto server = open_server();
    auto judge = std::make_shared<Judge>(Judge::Mode::keep);
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam", receiver, {.watch = judge}, &error);
    auto feed =
        server->feed("live/out", {.history = {.keep = 2'000'000'000}, .watch = judge}, &error);
    Peer publisher(server->address().port), player(server->address().port);
    publisher.publish("cam");
    player.play("out");
    fail_unless(eventually([&] { return judge->questions() == 2; }));
    const auto loops = net::Loops::shared();
    net::HeldClock clock(*loops);
    net::Verdict verdict(true);
    verdict.until_ms = net::steady_ms() + 5000;
    for (const auto &answer : judge->kept)
        answer(verdict);
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless(player.until_said("NetStream.Play.Start"));
    clock.advance(std::chrono::milliseconds(4900));
    fail_if(publisher.closed || player.closed);
    clock.advance(std::chrono::seconds(2)); // connections are looked at once a second
    fail_unless(publisher.until_closed());
    fail_unless(player.until_closed());
    fail_unless(eventually([&] { return judge->seen() == 4; }));
}
GST_END_TEST

GST_START_TEST(test_no_answer_is_a_refusal) {
    Log log;
    auto server = open_server({.authorize_ms = 200});
    auto judge = std::make_shared<Judge>(Judge::Mode::keep);
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam", receiver, {.watch = judge}, &error);
    auto feed =
        server->feed("live/out", {.history = {.keep = 2'000'000'000}, .watch = judge}, &error);
    Peer publisher(server->address().port), player(server->address().port);
    publisher.publish("cam");
    player.play("out");
    fail_unless(publisher.until_said("NetStream.Publish.Denied"));
    fail_unless(publisher.until_closed());
    fail_unless(player.until_closed());
    fail_unless(player.said.find("NetStream.Play.Start") == std::string::npos);
    // These answers come too late.
    for (const auto &answer : judge->kept)
        answer(true);
    fail_unless_equals_int(receiver.published, 0);
    fail_unless_equals_int(int(feed->stats().viewers_total), 0);
}
GST_END_TEST

GST_START_TEST(test_who_leaves_while_waiting_is_forgotten) {
    Log log;
    auto server = open_server();
    auto judge = std::make_shared<Judge>(Judge::Mode::keep);
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam", receiver, {.watch = judge}, &error);
    Peer publisher(server->address().port);
    publisher.publish("cam");
    fail_unless(eventually([&] { return judge->questions() == 1; }));
    publisher.reset();
    fail_unless(eventually([&] { return log.all().find("disconnected") != std::string::npos; }));
    judge->kept.at(0)(true);
    Peer next(server->address().port);
    next.publish("cam");
    fail_unless(eventually([&] { return judge->questions() == 2; }));
    judge->kept.at(1)(true);
    fail_unless(next.until_said("NetStream.Publish.Start"));
    fail_unless_equals_int(receiver.published, 1);
}
GST_END_TEST

// The listener's watcher is asked before a rule starts anything; the receiver's once a receiver
// exists.
GST_START_TEST(test_listener_then_receiver) {
    Log log;
    auto server = open_server();
    auto listener = std::make_shared<Judge>(Judge::Mode::keep);
    auto later = std::make_shared<Judge>(Judge::Mode::keep);
    auto another = std::make_shared<Judge>(Judge::Mode::refuse);
    server->rules().add_watch(another);
    server->rules().add_watch(listener);
    another.reset(); // who has gone is not asked
    std::atomic<int> started{0};
    auto options = everything();
    options.on_publish = [&](const net::PublishAttempt &) { ++started; };
    auto lease = server->rules().add(options, server);
    Peer publisher(server->address().port);
    publisher.publish("cam");
    fail_unless(eventually([&] { return listener->questions() == 1; }));
    fail_unless_equals_int(started, 0);
    listener->kept.at(0)(true);
    fail_unless(eventually([&] { return started == 1; }));
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam", receiver, {.watch = later}, &error);
    fail_unless(eventually([&] { return later->questions() == 1; }));
    fail_unless_equals_int(receiver.published, 0);
    later->kept.at(0)(true);
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless_equals_int(receiver.published, 1);
    fail_unless_equals_int(int(listener->questions()), 1);
    fail_unless(eventually([&] { return listener->seen() == 1 && later->seen() == 1; }));
}
GST_END_TEST

GST_START_TEST(test_players_before_and_after_the_feed) {
    Log log;
    auto server = open_server();
    auto lease = server->rules().add(everything(), server);
    Peer early(server->address().port);
    early.play("out");
    fail_unless(early.until_said("NetStream.Play.Start"));
    auto judge = std::make_shared<Judge>(Judge::Mode::keep);
    std::string error;
    auto feed =
        server->feed("live/out", {.history = {.keep = 2'000'000'000}, .watch = judge}, &error);
    feed->push(samples::video_config());
    feed->push(samples::video_frame(0, true));
    // The player was admitted by nobody, so it gets nothing before a watcher admits it.
    fail_unless(eventually([&] { return judge->questions() == 1; }));
    Peer late(server->address().port);
    late.play("out");
    fail_unless(eventually([&] { return judge->questions() == 2; }));
    early.read(50);
    fail_unless_equals_int(int(early.frames()), 0);
    judge->kept.at(0)(true);
    fail_unless(early.until([&] { return early.frames() == 1; }));
    judge->kept.at(1)(false);
    fail_unless(late.until_closed());
    fail_unless_equals_int(int(late.frames()), 0);
    fail_unless(late.said.find("NetStream.Play.Start") == std::string::npos);
    // The next feed's watcher is asked about the players that stayed, too.
    feed.reset();
    auto other = std::make_shared<Judge>(Judge::Mode::refuse);
    feed = server->feed("live/out", {.history = {.keep = 2'000'000'000}, .watch = other}, &error);
    feed->push(samples::video_config());
    feed->push(samples::video_frame(40, true));
    fail_unless(early.until_closed());
    fail_unless_equals_int(int(early.frames()), 1);
}
GST_END_TEST

GST_START_TEST(test_nobody_to_ask) {
    auto server = open_server();
    auto nobody = std::make_shared<Judge>(Judge::Mode::nobody);
    server->rules().add_watch(nobody);
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam", receiver, {.watch = nobody}, &error);
    auto feed =
        server->feed("live/out", {.history = {.keep = 2'000'000'000}, .watch = nobody}, &error);
    Peer publisher(server->address().port), player(server->address().port);
    publisher.publish("cam");
    player.play("out");
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless(player.until_said("NetStream.Play.Start"));
}
GST_END_TEST

// The acceptance of a publish that has already ended does not accept the connection's next one.
GST_START_TEST(test_a_stale_acceptance) {
    auto server = open_server();
    auto judge = std::make_shared<Judge>(Judge::Mode::keep);
    Receiver first, second;
    std::string error;
    auto claim = server->claim("live/one", first, {}, &error);
    std::atomic<int> leased{0};
    net::LeaseOptions options;
    options.matches = [](std::string_view path) { return path == "live/two"; };
    options.on_publish = [&](const net::PublishAttempt &) { ++leased; };
    auto lease = server->rules().add(options, server);
    Peer publisher(server->address().port);
    publisher.out.handshake().connect("live").publish("one");
    publisher.out.command(1, {amf::string("closeStream"), amf::number(0), amf::null()});
    publisher.out.command(1, {amf::string("publish"), amf::number(5), amf::null(),
                              amf::string("two"), amf::string("live")});
    fail_unless(publisher.flush());
    fail_unless(eventually([&] { return leased == 1; }));
    auto other = server->claim("live/two", second, {.watch = judge}, &error);
    fail_unless(other != nullptr, "%s", error.c_str());
    fail_unless(eventually([&] { return judge->questions() == 1; }), "its receiver is not asked");
    fail_unless(publisher.said.find("NetStream.Publish.Start") == std::string::npos);
    judge->kept.at(0)(true);
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    fail_unless_equals_int(second.published, 1);
}
GST_END_TEST

static Suite *net_authorize_suite() {
    Suite *s = suite_create("net_authorize");
    TCase *tc = tcase_create("authorize");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_publisher_waits_for_the_answer);
    tcase_add_test(tc, test_publisher_is_refused);
    tcase_add_test(tc, test_publisher_is_renamed);
    tcase_add_test(tc, test_admission_ends);
    tcase_add_test(tc, test_no_answer_is_a_refusal);
    tcase_add_test(tc, test_who_leaves_while_waiting_is_forgotten);
    tcase_add_test(tc, test_listener_then_receiver);
    tcase_add_test(tc, test_players_before_and_after_the_feed);
    tcase_add_test(tc, test_nobody_to_ask);
    tcase_add_test(tc, test_a_stale_acceptance);
    return s;
}
GST_CHECK_MAIN(net_authorize)
