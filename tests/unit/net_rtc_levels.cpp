// SPDX-License-Identifier: LGPL-2.1-or-later
// Viewers of WebRTC whose networks can't follow: what they get, and that they get all of it again.
#include "unit/rtc_server.hpp"

using namespace rtc_server_test;

namespace {

/// A tag of a further video track (Enhanced RTMP, OneTrack).
flv::Tag track_tag(uint8_t track, bool config, bool key, uint32_t ms, ByteView data) {
    constexpr uint8_t multitrack = 6;
    Writer body;
    body.u8(0x80 | unsigned(key ? 1 : 2) << 4 | multitrack).u8(config ? 0 : 1);
    body.u32(flv::fourcc("avc1")).u8(track);
    if (!config) body.u24(0);
    body.bytes(data);
    return flv::make_tag(flv::TagType::video, ms, body.view());
}

/// A stream in real time, and a viewer that loses half of the packets while `is_bad`.
struct Watched {
    explicit Watched(bool has_rungs) : has_rungs(has_rungs) {
        if (has_rungs) stream.feed->push(track_tag(1, true, true, 0, avc_config()));
        push();
        client.lose = [this](uint16_t sequence) {
            if (!is_bad || sequence % 2 == 0) return false;
            missing.push_back(sequence);
            return true;
        };
        client.connect("/live/cam/whep");
    }
    void push() {
        if (has_rungs)
            stream.feed->push(track_tag(1, false, stream.frames % 30 == 0, stream.time,
                                        picture(stream.frames % 30 == 0, stream.time, small)));
        stream.push_frame();
    }
    /// Goes on in real time until it is done.
    template <class Done>
    bool until(Done done) {
        return client.loop.run_until(
            [&] {
                if (steady_ms() >= next_ms) {
                    next_ms = steady_ms() + frame_ms;
                    push();
                }
                client.loop.wake(alarm, next_ms);
                for (const uint16_t sequence : std::exchange(missing, {}))
                    client.send_nack(sequence);
                return done();
            },
            patience_ms);
    }
    unsigned slow() const { return stream.feed->stats().slow; }
    /// Sizes of the frames that came whole since the last call; there may be gaps between them.
    std::vector<size_t> take_sizes() {
        std::map<uint32_t, size_t> sizes;
        for (const auto &[sequence, packet] : client.video_packets)
            sizes[packet.timestamp] += packet.bytes.size();
        client.video_packets.clear();
        std::vector<size_t> out;
        for (const auto &[timestamp, size] : sizes)
            out.push_back(size);
        return out;
    }

    struct Alarm final : Loop::Watcher {
        void on_ready(uint32_t) override {}
    };
    static constexpr size_t small = 1'500;
    static constexpr uint64_t patience_ms = 40'000;
    const bool has_rungs;
    const std::shared_ptr<net::RtcServer> server = open_server();
    Stream stream{*server};
    Client client{server->address().port};
    Alarm alarm;
    bool is_bad = false;
    std::vector<uint16_t> missing;
    uint64_t next_ms = 0;
};

} // namespace

GST_START_TEST(test_keyframes_only) {
    Watched watched(false);
    fail_unless(watched.until([&] { return watched.client.audio.size() > 100; }));
    fail_unless_equals_int(watched.slow(), 0);
    watched.is_bad = true;
    fail_unless(watched.until([&] { return watched.slow() == 1; }));
    watched.is_bad = false;
    // Of two seconds a few frames come at most, and all of the sound.
    watched.take_sizes();
    watched.client.audio.clear();
    fail_unless(watched.until([&] { return watched.client.audio.size() >= 100; }));
    fail_unless(watched.take_sizes().size() <= 6);
    for (size_t i = 1; i < watched.client.audio.size(); ++i)
        fail_unless_equals_int(watched.client.audio[i] - watched.client.audio[i - 1], 960);
    // Then the network is tried with padding, and carries all again.
    fail_unless(watched.until([&] { return watched.slow() == 0; }));
    watched.take_sizes();
    fail_unless(watched.until([&] { return watched.client.video_packets.size() > 100; }));
}
GST_END_TEST

GST_START_TEST(test_lower_track) {
    Watched watched(true);
    // As long as nothing is lost, the lower track is not sent.
    fail_unless(watched.until([&] { return watched.client.audio.size() > 150; }));
    for (const size_t size : watched.take_sizes())
        fail_unless(size > Watched::small * 2);
    watched.is_bad = true;
    fail_unless(watched.until([&] { return watched.slow() == 1; }));
    watched.is_bad = false;
    watched.take_sizes();
    fail_unless(watched.until([&] { return watched.client.video_packets.size() > 60; }));
    size_t lower = 0;
    for (const size_t size : watched.take_sizes())
        lower += size < Watched::small * 2;
    fail_unless(lower > 20, "%zu", lower);
    fail_unless(watched.until([&] { return watched.slow() == 0; }));
}
GST_END_TEST

static Suite *net_rtc_levels_suite() {
    Suite *suite = suite_create("net_rtc_levels");
    TCase *tc = tcase_create("net_rtc_levels");
    tcase_set_timeout(tc, 90);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_keyframes_only);
    tcase_add_test(tc, test_lower_track);
    return suite;
}
GST_CHECK_MAIN(net_rtc_levels)
