// SPDX-License-Identifier: LGPL-2.1-or-later
// The WebRTC server on loopback: viewers by WHEP and publishers by WHIP, with real ICE, DTLS and
// SRTP over UDP; what is refused, repaired, and what ends them.
#include "unit/rtc_server.hpp"

using namespace rtc_server_test;

GST_START_TEST(test_viewer) {
    const auto server = open_server();
    Stream stream(*server);
    stream.push_frames(20);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    // The cached GOP comes at once, folded to before the edge.
    fail_unless(client.until([&] { return client.frames().size() >= 20; }));
    const auto folded = client.frames();
    fail_unless(folded.front().keyframe);
    for (size_t i = 0; i < 20; ++i) {
        fail_unless(std::ranges::equal(folded[i].bytes.view(), picture(i == 0, uint32_t(i) * 33)));
        if (i > 0) fail_unless_equals_int(folded[i].timestamp - folded[i - 1].timestamp, 90);
    }
    fail_unless(client.audio.empty());
    stream.push_frames(5);
    fail_unless(
        client.until([&] { return client.frames().size() >= 25 && client.audio.size() >= 5; }));
    const auto all = client.frames();
    fail_unless_equals_int(all[24].timestamp - all[23].timestamp, 90 * frame_ms);
    fail_unless_equals_int(client.audio[4] - client.audio[3], 960);
    // Some receivers read one report of a packet.
    fail_unless(!client.reports.empty() && client.most_reports == 1);
    fail_unless_equals_int(stream.feed->stats().viewers, 1);
    // It leaves by DELETE, once.
    fail_unless_equals_int(request(client.port_, "DELETE", client.location).status, 200);
    fail_unless(penstock_test::eventually([&] { return stream.feed->stats().viewers == 0; }));
    fail_unless_equals_int(request(client.port_, "DELETE", client.location).status, 404);
    fail_unless(client.until([&] { return client.ended; }));
}
GST_END_TEST

// The audio of the cached GOP that an encoder still brings when the viewer has joined is left out.
GST_START_TEST(test_late_audio) {
    const auto server = open_server();
    Stream stream(*server);
    constexpr uint32_t frames = 20, edge = (frames - 1) * frame_ms;
    for (uint32_t i = 0; i < frames; ++i)
        stream.feed->push(video(i == 0, i * frame_ms));
    stream.feed->push(opus(0));
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= frames; }));
    size_t newer = 0;
    for (uint32_t ms = 20; ms < edge + 200; ms += 20) {
        stream.feed->push(opus(ms));
        newer += ms >= edge;
    }
    stream.feed->push(video(false, frames * frame_ms));
    fail_unless(client.until([&] { return client.frames().size() > frames; }));
    fail_unless(newer > 5);
    fail_unless_equals_int(client.audio.size(), newer);
    fail_unless_equals_int(client.audio.back() - client.audio.front(), (newer - 1) * 960);
}
GST_END_TEST

GST_START_TEST(test_repair) {
    for (const bool folded : {true, false}) {
        const auto server = open_server();
        Stream stream(*server);
        stream.push_frames(10);
        Client client(server->address().port);
        std::optional<uint16_t> lost;
        unsigned seen = 0;
        client.lose = [&](uint16_t sequence) {
            if (!lost && ++seen == 5) lost = sequence;
            return lost == sequence;
        };
        if (!folded) seen = 100;
        client.connect("/live/cam/whep");
        if (!folded) {
            fail_unless(client.until([&] { return client.frames().size() >= 10; }));
            seen = 0;
        }
        stream.push_frames(10);
        fail_unless(client.until([&] { return lost.has_value(); }));
        client.send_nack(*lost);
        fail_unless(client.until([&] { return client.frames().size() >= 20; }));
        fail_unless_equals_int(client.repeated, 1);
        // What was never sent is not sent again.
        client.send_nack(static_cast<uint16_t>(*lost - 2000));
        stream.push_frames(1);
        fail_unless(client.until([&] { return client.frames().size() >= 21; }));
        fail_unless_equals_int(client.repeated, 1);
    }
}
GST_END_TEST

/// A viewer that reports losses gets redundant audio, and keyframes are complete only when what was
/// before may have been repaired.
GST_START_TEST(test_losses) {
    const auto server = open_server();
    Stream stream(*server);
    stream.push_frames(3);
    Client client(server->address().port);
    std::vector<uint16_t> arrived;
    client.lose = [&](uint16_t sequence) {
        arrived.push_back(sequence);
        return false;
    };
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    fail_unless_equals_int(client.redundant, 0);
    client.send_report(1'000, 0);
    client.send_report(1'300, 30);
    const auto push = [&](unsigned count) {
        stream.push_frames(count);
        fail_unless(client.until([&] { return client.frames().size() >= stream.frames; }));
    };
    for (int i = 0; i < 200 && client.redundant == 0; ++i)
        push(1);
    fail_unless(client.redundant > 0);
    // All that is before the next keyframe, then that, and what follows it.
    push(30 - stream.frames % 30);
    arrived.clear();
    push(2);
    fail_unless(!std::is_sorted(arrived.begin(), arrived.end()));
    // The one that is out of order is the last of the keyframe.
    const auto late = std::adjacent_find(arrived.begin(), arrived.end(),
                                         [](uint16_t a, uint16_t b) { return a > b; });
    fail_unless(client.video_packets.at(*(late + 1)).marker);
    arrived.erase(late + 1);
    fail_unless(std::is_sorted(arrived.begin(), arrived.end()));
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    const auto server = open_server();
    Stream stream(*server);
    const uint16_t port = server->address().port;
    fail_unless_equals_int(Client(port).post("/live/other/whep").status, 404);
    fail_unless_equals_int(Client(port, publisher_settings()).post("/live/cam/whip").status, 404);
    // A stream with B-frames is refused by name.
    stream.push_frames(3);
    stream.feed->push(video(false, stream.time, 66));
    stream.feed->push(video(false, stream.time + 33, 0));
    const Answer refused = Client(port).post("/live/cam/whep");
    fail_unless_equals_int(refused.status, 406);
    fail_unless(refused.body.find("B-frames") != std::string::npos, "%s", refused.body.c_str());
}
GST_END_TEST

GST_START_TEST(test_stream_ends) {
    const auto server = open_server();
    net::PlayFeedOptions how;
    how.ending.grace = std::chrono::milliseconds(50);
    auto stream = std::make_unique<Stream>(*server, how);
    stream->push_frames(3);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    stream.reset();
    fail_unless(client.until([&] { return client.ended && client.goodbyes > 0; }));
    fail_unless_equals_int(Client(server->address().port).post("/live/cam/whep").status, 404);
}
GST_END_TEST

GST_START_TEST(test_producer_comes_back) {
    const auto server = open_server();
    auto stream = std::make_unique<Stream>(*server);
    stream->push_frames(3);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    stream.reset();
    stream = std::make_unique<Stream>(*server);
    stream->push_frames(3);
    fail_unless(client.until([&] { return client.frames().size() >= 6; }));
    fail_unless(client.frames()[3].keyframe && !client.ended);
}
GST_END_TEST

GST_START_TEST(test_keyframe_is_asked_for) {
    const auto server = open_server();
    std::atomic<unsigned> asked{0};
    net::PlayFeedOptions how;
    how.on_keyframe_wanted = [&] { ++asked; };
    Stream stream(*server, how);
    stream.push_frames(3);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    Writer out;
    rtp::rtcp::write(rtp::rtcp::PictureLoss{1, client.client.rtc().answered().video->ssrc}, out);
    for (int i = 0; i < 20; ++i)
        fail_unless(client.client.rtc().send_rtcp(out.view()));
    stream.push_frames(3);
    fail_unless(client.until([&] { return client.frames().size() >= 6; }));
    fail_unless(penstock_test::eventually([&] { return asked == 1; }));
}
GST_END_TEST

GST_START_TEST(test_publisher) {
    const auto server = open_server();
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam/whip", receiver, {}, &error);
    fail_unless(claim != nullptr, "%s", error.c_str());
    Client client(server->address().port, publisher_settings());
    client.connect("/live/cam/whip");
    fail_unless_equals_int(receiver.published, 1);
    VideoSender sender(client.client.rtc());
    std::map<uint16_t, std::vector<uint8_t>> sent;
    const auto send = [&](bool loses) {
        uint16_t sequence = sender.sequence;
        size_t i = 0;
        for (auto &packet : sender.make_frame()) {
            if (!(loses && i++ == 2)) fail_unless(client.client.rtc().send_rtp(packet));
            sent[sequence++] = std::move(packet);
        }
    };
    for (unsigned i = 0; i < 5; ++i)
        send(i == 3);
    // The packet that was lost is asked for, and repairs the frame.
    fail_unless(client.until([&] { return !client.asked.empty(); }));
    fail_unless(client.client.rtc().send_rtp(sent[client.asked.front()]));
    fail_unless(client.until([&] { return receiver.frames() >= 5; }));
    {
        std::lock_guard lock(receiver.mutex);
        for (unsigned i = 0; i < 5; ++i) {
            const auto body = receiver.video[i].body_view().subspan(5);
            const auto expected = picture(i == 0, i);
            fail_unless(std::ranges::equal(body, expected));
            if (i > 0)
                fail_unless_equals_int(
                    receiver.video[i].timestamp - receiver.video[i - 1].timestamp, frame_ms);
        }
    }
    fail_unless_equals_int(receiver.configs, 1);
    // A second publisher of the name is refused, and a keyframe can be asked for.
    fail_unless_equals_int(
        Client(server->address().port, publisher_settings()).post("/live/cam/whip").status, 409);
    const unsigned before = client.picture_losses;
    fail_unless(claim->want_keyframe());
    fail_unless(client.until([&] { return client.picture_losses > before; }));
    fail_unless_equals_int(request(client.port_, "DELETE", client.location).status, 200);
    fail_unless(penstock_test::eventually([&] { return receiver.unpublished == 1; }));
}
GST_END_TEST

GST_START_TEST(test_key) {
    const auto server = open_server();
    Receiver receiver;
    std::string error;
    auto claim = server->claim("live/cam/whip", receiver, {.key = "secret"}, &error);
    const uint16_t port = server->address().port;
    fail_unless_equals_int(Client(port, publisher_settings()).post("/live/cam/whip").status, 401);
    fail_unless_equals_int(Client(port, publisher_settings())
                               .post("/live/cam/whip", "Authorization: Bearer wrong\r\n")
                               .status,
                           401);
    fail_unless_equals_int(receiver.published, 0);
    Client client(port, publisher_settings());
    fail_unless_equals_int(client.post("/live/cam/whip", "Authorization: Bearer secret\r\n").status,
                           201);
    fail_unless_equals_int(receiver.published, 1);
}
GST_END_TEST

namespace {

flv::Tag vp8(bool key, uint32_t ms) {
    Writer body;
    body.u8(key ? 0x91 : 0xA1).u32(flv::fourcc("vp08"));
    body.u8(key ? 0x10 : 0x11).u8(0).u8(0).u8(0x9D).u8(1).u8(0x2A).u8(64).u8(0).u8(64).u8(0);
    for (int i = 0; i < 3000; ++i)
        body.u8(uint8_t(i));
    return flv::make_tag(flv::TagType::video, ms, body.view());
}

/// A picture of FLV's track 1.
flv::Tag other_track(bool key, uint32_t ms) {
    Writer body;
    body.u8(key ? 0x96 : 0xA6).u8(0x01).u32(flv::fourcc("avc1")).u8(1).u24(0);
    body.bytes(picture(key, ms));
    return flv::make_tag(flv::TagType::video, ms, body.view());
}

} // namespace

GST_START_TEST(test_other_codec) {
    const auto server = open_server();
    auto stream = std::make_unique<Stream>(*server);
    stream->push_frames(3);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    stream.reset();
    net::PlayFeedOptions how;
    how.policy.join = fanout::Join::fast_forward;
    std::string error;
    auto feed = server->feed("live/cam/whep", how, &error);
    for (unsigned i = 0; i < 30; ++i)
        feed->push(vp8(i == 0, i * 33));
    fail_unless(client.until([&] { return client.ended; }));
}
GST_END_TEST

GST_START_TEST(test_other_track) {
    const auto server = open_server();
    Stream stream(*server);
    stream.push_frames(3);
    Client client(server->address().port);
    client.connect("/live/cam/whep");
    fail_unless(client.until([&] { return client.frames().size() >= 3; }));
    for (unsigned i = 0; i < 10; ++i) {
        stream.push_frame();
        stream.feed->push(other_track(i == 0, stream.time));
    }
    fail_unless(client.until([&] { return client.frames().size() >= 13; }));
}
GST_END_TEST

static Suite *net_rtc_suite() {
    Suite *s = suite_create("net_rtc");
    TCase *tc = tcase_create("all");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_viewer);
    tcase_add_test(tc, test_late_audio);
    tcase_add_test(tc, test_repair);
    tcase_add_test(tc, test_losses);
    tcase_add_test(tc, test_refusals);
    tcase_add_test(tc, test_stream_ends);
    tcase_add_test(tc, test_producer_comes_back);
    tcase_add_test(tc, test_keyframe_is_asked_for);
    tcase_add_test(tc, test_publisher);
    tcase_add_test(tc, test_key);
    tcase_add_test(tc, test_other_codec);
    tcase_add_test(tc, test_other_track);
    return s;
}
GST_CHECK_MAIN(net_rtc)
