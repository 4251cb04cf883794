// SPDX-License-Identifier: LGPL-2.1-or-later
// Players over real sockets: one that does not read affects nobody, they outlive their publishers,
// and their time advances whatever a publisher sends.
#include "core/net/stream/live_mount.h"
#include "core/net/stream/mounts.h"
#include "unit/net_rig.hpp"

#include "check.hpp"

using namespace net_test;

namespace {

/// A feed of 40 ms video frames of 20 kB, one GOP at a time, whose memory is counted.
struct Fountain {
    explicit Fountain(net::RtmpServer &server, gop::Limits limits,
                      const fanout::Policy &policy = {}, const char *path = "live/cam") {
        std::string error;
        feed = server.feed(path, {.history = limits, .policy = policy}, &error);
        fail_unless(feed, "%s", error.c_str());
        feed->push(samples::video_config());
    }
    void gop(unsigned frames = 50) {
        for (unsigned i = 0; i < frames; ++i, ms += 40) {
            const flv::Tag tag = big_frame(ms, i == 0, 20'000);
            memory.push_back(tag.bytes.owner());
            feed->push(tag);
        }
    }
    long alive() const {
        return std::count_if(memory.begin(), memory.end(), [](auto &m) { return !m.expired(); });
    }
    std::unique_ptr<net::PlayFeed> feed;
    uint32_t ms = 0;
    std::vector<std::weak_ptr<const void>> memory;
};

} // namespace

GST_START_TEST(test_stuck_player_costs_nobody_anything) {
    Log log;
    auto server = open_server();
    const uint16_t port = server->address().port;
    Fountain fountain(*server, {.bytes = 2'000'000, .keep = 2'000'000'000},
                      {.stall_timeout = 1'000'000'000});
    Peer stuck(port, 65536), good(port), other(port);
    stuck.play("cam");
    fail_unless(stuck.until_said("NetStream.Play.Start"));
    for (Peer *peer : {&good, &other}) {
        peer->play("cam");
        fail_unless(peer->until_said("NetStream.Play.Start"));
    }
    // 100 MB, more than any socket buffers; the feed waits only for viewers that read.
    size_t frames = 0;
    for (int round = 0; round < 100; ++round) {
        fountain.gop();
        frames += 50;
        for (Peer *peer : {&good, &other}) {
            fail_unless(peer->until([&] { return peer->frames() == frames; }),
                        "%zu frames of %zu in round %d\n%s", peer->frames(), frames, round,
                        log.all().c_str());
            for (flv::Tag &tag : peer->tags)
                tag.bytes = {};
        }
        // The bound: 2 MB in the ring, and what each socket is being sent.
        fail_unless(fountain.alive() <= 100 + 3 * 32, "%ld frames are held", fountain.alive());
    }
    fail_unless(eventually([&] { return log.warned(stuck.name, "has not read anything for 1 s"); }),
                "the stuck player stays\n%s", log.all().c_str());
    fail_unless(eventually([&] { return fountain.feed->stats().viewers == 2; }));
    fail_unless_equals_uint64(fountain.feed->stats().closed_slow, 1);
    fail_unless_equals_int(good.goes_back(), -1);
    // The player that was closed can still read the data in flight, then finds the end.
    fail_unless(stuck.until_closed());
}
GST_END_TEST

// The limit is the stream's: of two streams on one port, one soon closes its stuck player, the
// other never does.
GST_START_TEST(test_stall_timeout) {
    Log log;
    auto server = open_server();
    const uint16_t port = server->address().port;
    const gop::Limits limits{.bytes = 2'000'000, .keep = 2'000'000'000};
    Fountain patient(*server, limits, {.stall_timeout = 0}, "live/patient");
    Fountain strict(*server, limits, {.stall_timeout = 300'000'000}, "live/strict");
    Peer stays(port, 65536), goes(port, 65536);
    stays.play("patient");
    goes.play("strict");
    fail_unless(stays.until_said("NetStream.Play.Start"));
    fail_unless(goes.until_said("NetStream.Play.Start"));
    for (int round = 0; round < 20; ++round) {
        patient.gop();
        strict.gop();
    }
    fail_unless(eventually([&] { return strict.feed->stats().closed_slow == 1; }));
    fail_unless(log.warned(goes.name, "has not read anything for 0.3 s"), "%s", log.all().c_str());
    // Wait until the loop has certainly checked it.
    const auto mount = std::static_pointer_cast<net::LiveMount>(
        net::Mounts::instance().find({"rtmp", server->address(), "live/patient"}));
    const auto stalled_ms = std::make_shared<std::atomic<uint64_t>>(0);
    fail_unless(eventually([&] {
        mount->audience().for_each(
            [stalled_ms](net::Viewer &viewer) { *stalled_ms = viewer.info().stalled_ms; });
        return *stalled_ms > 1500;
    }));
    fail_unless_equals_int(patient.feed->stats().viewers, 1);
    fail_unless_equals_uint64(patient.feed->stats().closed_slow, 0);
}
GST_END_TEST

// A player that reads again in time continues at a keyframe, preceded by the configuration.
GST_START_TEST(test_slow_player_is_skipped_ahead) {
    auto server = open_server();
    Fountain fountain(*server, {});
    Peer slow(server->address().port, 65536);
    slow.play("cam");
    fail_unless(slow.until_said("NetStream.Play.Start"));
    fountain.gop(1);
    fail_unless(slow.until([&] { return slow.frames() == 1; })); // it has joined
    for (int round = 0; round < 20; ++round)
        fountain.gop();
    fail_unless(slow.until([&] { return fountain.feed->stats().skipped > 0; }));
    fountain.gop(1);
    const auto caught_up = [&] {
        return !slow.tags.empty() && slow.tags.back().kind == flv::TagKind::keyframe &&
               slow.tags.back().timestamp == fountain.ms - 40;
    };
    fail_unless(slow.until(caught_up));
    fail_if(slow.malformed);
    fail_unless_equals_int(slow.goes_back(), -1);
    unsigned skips = 0;
    for (size_t i = 2; i < slow.tags.size(); ++i) {
        if (slow.tags[i].timestamp - slow.tags[i - 1].timestamp <= 40) continue;
        ++skips;
        fail_unless(slow.tags[i].kind == flv::TagKind::config, "after a gap came no configuration");
        fail_unless(i + 1 < slow.tags.size() && slow.tags[i + 1].kind == flv::TagKind::keyframe);
    }
    // The skip is counted after its data is sent.
    fail_unless(eventually([&] { return fountain.feed->stats().skipped == skips; }),
                "%u skips, %u counted", skips, unsigned(fountain.feed->stats().skipped));
}
GST_END_TEST

GST_START_TEST(test_players_outlive_publishers) {
    auto server = open_server();
    const uint16_t port = server->address().port;
    auto lease = server->rules().add(everything(), server);
    Peer player(port);
    player.play("cam");
    fail_unless(player.until_said("NetStream.Play.Start"));
    for (int round = 0; round < 3; ++round) {
        Relay relay; // a pipeline for each publisher
        fail_unless(relay.on(*server, "live/cam", "live/cam"));
        const size_t before = player.tags.size();
        Peer publisher(port);
        publisher.publish("cam");
        fail_unless(publisher.until_said("NetStream.Publish.Start"));
        publisher.send(samples::video_frame(960, false)); // of a GOP that nobody has
        publisher.send(samples::video_config(1000));
        publisher.send(samples::audio_config(1000));
        for (uint32_t ms = 1000; ms < 1400; ms += 40) {
            publisher.send(samples::video_frame(ms, ms == 1000, uint8_t(round)));
            publisher.send(samples::audio_frame(ms));
        }
        fail_unless(player.until([&] { return player.tags.size() == before + 22; }),
                    "round %d: %zu tags", round, player.tags.size() - before);
        unsigned configs = 0;
        for (size_t i = before; i < before + 3; ++i)
            configs += player.tags[i].kind == flv::TagKind::config;
        fail_unless_equals_int(configs, 2);
        fail_unless(player.tags[before + 2].kind == flv::TagKind::keyframe);
        fail_unless_equals_int(player.tags[before + 2].body()[10], round);
        publisher.close();
        fail_unless(eventually([&] { return relay.unpublished == 1; }));
        fail_if(player.closed);
    }
    fail_unless_equals_int(player.goes_back(), -1);
    fail_unless_equals_int(server->mounts().at(0).viewers, 1);
    player.close();
    fail_unless(eventually([&] { return server->mounts().empty(); }));
}
GST_END_TEST

GST_START_TEST(test_time_goes_forward) {
    auto server = open_server();
    const uint16_t port = server->address().port;
    Relay relay;
    fail_unless(relay.on(*server, "live/cam", "live/cam"));
    Peer player(port), publisher(port);
    player.play("cam");
    fail_unless(player.until_said("NetStream.Play.Start"));
    publisher.publish("cam");
    fail_unless(publisher.until_said("NetStream.Publish.Start"));
    publisher.send(samples::video_config(0));
    publisher.send(samples::audio_config(0));
    size_t sent = 0;
    const auto run = [&](uint32_t from, unsigned frames) {
        for (unsigned i = 0; i < frames; ++i, sent += 2) {
            publisher.send(samples::video_frame(from + i * 20, i == 0));
            publisher.send(samples::audio_frame(from + i * 20 - 10));
        }
        fail_unless(player.until([&] { return player.frames() == sent; }), "%zu of %zu",
                    player.frames(), sent);
    };
    run(0xFFFFFFFF - 500, 50); // over the wrap
    run(0xFFFFFFFF - 500, 20); // half a second back
    run(0, 20);
    run(5000, 20);
    run(100, 20); // seconds back
    run(0x80000000, 20);
    run(0x7FFFFFFF, 20);
    run(3, 20);
    const int back = player.goes_back();
    fail_unless(back < 0, "tag %d at %u", back, back < 0 ? 0 : player.tags[size_t(back)].timestamp);
    // Across the wrap there are only steps of 20 ms.
    std::vector<uint32_t> video;
    for (const flv::Tag &tag : player.tags)
        if (tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame)
            video.push_back(tag.timestamp);
    for (size_t i = 1; i < 50; ++i)
        fail_unless_equals_int(video[i] - video[i - 1], 20);
    // Each jump advances time, by little.
    fail_unless(video.back() > video.front() && video.back() - video.front() < 60'000);
}
GST_END_TEST

GST_START_TEST(test_unknown_name_is_refused) {
    Log log;
    auto server = open_server();
    Peer player(server->address().port);
    player.play("cam");
    fail_unless(player.until_said("NetStream.Play.StreamNotFound"));
    fail_unless(log.warned(player.name, "no such stream"));
    // The advice names the patterns of the rules.
    const auto takes = [](std::string name) {
        return [name](std::string_view path) { return path == name; };
    };
    auto lease = server->rules().add(
        net::LeaseOptions{.matches = takes("live/a"), .example = "live/NAME"}, server);
    auto demand = server->rules().add(
        net::DemandOptions{.matches = takes("live/b"), .example = "live/NAME_480p"}, server);
    Peer other(server->address().port);
    other.play("cam");
    const std::string port = std::to_string(server->address().port);
    fail_unless(other.until_said("no such stream: play rtmp://HOST:" + port +
                                 "/live/NAME or rtmp://HOST:" + port + "/live/NAME_480p"),
                "%s", log.all().c_str());
}
GST_END_TEST

// A player that announced codecs without the stream's is told so as soon as the codec is known. A
// player that announced nothing gets the forms that every player takes; one that announced extended
// forms gets these.
GST_START_TEST(test_announced_codecs) {
    Log log;
    auto server = open_server();
    const uint16_t port = server->address().port;
    std::string error;
    auto feed = server->feed("live/cam", {}, &error);
    fail_unless(feed, "%s", error.c_str());
    const auto tag = [](flv::TagType type, const char *hex) {
        return flv::make_tag(type, 0, samples::from_hex(hex));
    };
    const auto play = [](Peer &peer, const char *codec, double caps_ex) {
        amf::Value list;
        list.type = amf::Type::strict_array;
        list.items = {amf::string(codec)};
        amf::Value info = amf::object({{"app", amf::string("live")}});
        if (*codec) info.properties.push_back({"fourCcList", list});
        if (caps_ex > 0) info.properties.push_back({"capsEx", amf::number(caps_ex)});
        peer.out.handshake().command(0, {amf::string("connect"), amf::number(1), info});
        peer.out.play("cam");
        fail_unless(peer.flush());
    };
    // These players come before anything is known about the stream.
    Peer early(port), plain(port), full(port), lists(port);
    play(early, "av01", 0);
    play(plain, "", 0);
    play(full, "", 6);
    play(lists, "hvc1", 0);
    for (Peer *peer : {&early, &plain, &full, &lists})
        fail_unless(peer->until_said("NetStream.Play.Start"));
    feed->push(tag(flv::TagType::video, "90 68766331 01"));
    feed->push(tag(flv::TagType::audio, "95 00 4f707573 01 4f70757348656164"));
    feed->push(tag(flv::TagType::video, "97 02 0003e8 01 68766331 000000 aa"));
    fail_unless(early.until_said("NetStream.Play.Failed"));
    fail_unless(early.until_closed());
    fail_unless(log.warned(early.name, "video is hvc1"), "%s", log.all().c_str());
    fail_unless_equals_int(early.tags.size(), 0);
    const auto bodies = [](const Peer &peer) {
        std::string text;
        for (const flv::Tag &got : peer.tags)
            text += std::to_string(got.body_view()[0]) + " ";
        return text;
    };
    for (Peer *peer : {&plain, &lists}) {
        fail_unless(peer->until([&] { return peer->tags.size() == 2; }));
        fail_unless_equals_string(bodies(*peer).c_str(), "144 145 ");
    }
    fail_unless(full.until([&] { return full.tags.size() == 3; }));
    fail_unless_equals_string(bodies(full).c_str(), "144 149 151 ");
    // This player comes when the codec is known.
    Peer late(port);
    play(late, "av01", 0);
    fail_unless(late.until_said("which is not among the codecs that the player announced"));
    fail_unless(late.said.find("NetStream.Play.Failed") != late.said.npos &&
                late.said.find("NetStream.Play.Start") == late.said.npos);
    // Without a producer the last known codec may be out of date: a player waits for the next
    // producer.
    net::LeaseOptions everything;
    everything.matches = [](std::string_view) { return true; };
    const auto lease = server->rules().add(everything, server);
    feed.reset();
    Peer waiting(port);
    play(waiting, "av01", 0);
    fail_unless(waiting.until_said("NetStream.Play.Start"));
}
GST_END_TEST

static Suite *net_players_suite() {
    Suite *s = suite_create("net_players");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_stuck_player_costs_nobody_anything);
    tcase_add_test(tc, test_announced_codecs);
    tcase_add_test(tc, test_stall_timeout);
    tcase_add_test(tc, test_slow_player_is_skipped_ahead);
    tcase_add_test(tc, test_players_outlive_publishers);
    tcase_add_test(tc, test_time_goes_forward);
    tcase_add_test(tc, test_unknown_name_is_refused);
    return s;
}
GST_CHECK_MAIN(net_players)
