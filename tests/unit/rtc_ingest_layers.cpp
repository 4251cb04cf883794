// SPDX-License-Identifier: LGPL-2.1-or-later
// Which track a packet of a publisher belongs to, and simulcast: layers as tracks of FLV.
#include "unit/rtc_ingest_rig.hpp"

using namespace rtc_test;

namespace {

/// Chromium's simulcast: H.264 of type 103, repaired by 104, with layers h, m and l. No SSRC of
/// video is announced.
struct Simulcast : Peer {
    explicit Simulcast(Ingest::Options options = {})
        : Peer("chromium-simulcast", options), high(layer("h", 11, samples::other_sps)),
          low(layer("l", 13, samples::sps)) {}

    static Source layer(std::string_view rid, uint32_t ssrc, const Unit &sps) {
        Source source = avc_source(ssrc, 103, sps);
        source.ids = ids_of(4, 10, 11, 3);
        source.extensions.mid = "1";
        source.extensions.rid = rid;
        return source;
    }
    /// A frame of a layer.
    void take_frame(Source &layer, bool key) {
        take(layer.send(avc_frame(key, 800, layer.ssrc), key, timestamp));
    }
    void pass_frame() {
        timestamp += 2970;
        pass(33 * ms);
    }
    std::optional<uint8_t> id_of(std::string_view rid) {
        for (const auto &track : ingest.stats().tracks)
            if (track.rid == rid) return track.flv_track;
        return std::nullopt;
    }

    Source high, low;
    uint32_t timestamp = 0;
};

} // namespace

GST_START_TEST(test_sources) {
    // By SSRC; then the others by the only track with their payload type.
    Peer peer("obs");
    Source video = avc_source(4002, 96), audio = opus_source(9001);
    peer.take(video.send(avc_frame(true, 300), true, 0));
    peer.take(audio.send(opus_frame(true), true, 0));
    check_got(peer, "C0 K0 c0 a0");
    // Types that were not agreed, of known sources and others.
    for (const uint32_t ssrc : {4002u, 4001u, 1u}) {
        Source other = opus_source(ssrc, 110);
        peer.take(other.send(opus_frame(true), true, 0));
    }
    fail_unless_equals_int(peer.ingest.stats().unknown, 3);
    // An SSRC of video with the type of audio.
    Source odd = opus_source(4002);
    peer.take(odd.send(opus_frame(true), true, 0));
    fail_unless_equals_int(peer.ingest.stats().unknown, 4);
    check_got(peer, "");
}
GST_END_TEST

GST_START_TEST(test_extensions_unasked) {
    // The mid of another section does not go with the type; one that nobody knows is no mid.
    Peer peer("chromium-publish");
    Source video = avc_source(555, 103);
    video.ids = ids_of(4);
    video.extensions.mid = "0";
    peer.take(video.send(avc_frame(true, 300), true, 0));
    check_got(peer, "");
    video.ssrc = 556;
    video.extensions.mid = "what";
    peer.take(video.send(avc_frame(true, 300), true, 0));
    check_got(peer, "C0 K0");
    // A rid without simulcast.
    Source second = Simulcast::layer("h", 557, samples::sps);
    peer.take(second.send(avc_frame(true, 300), true, 3000));
    peer.take(second.send(avc_frame(false, 300), false, 6000));
    check_got(peer, "K0 f0");
}
GST_END_TEST

GST_START_TEST(test_many_sources) {
    // SSRCs that come and go are forgotten.
    Peer peer("obs");
    for (uint32_t i = 0; i < 10'000; ++i) {
        Source video = avc_source(100'000 + i, 96);
        video.sequence = uint16_t(i);
        peer.take(video.send(avc_frame(true, 30), true, i));
    }
    Source video = avc_source(4002, 96);
    video.sequence = 7;
    peer.got.clear();
    peer.take(video.send(avc_frame(true, 3000), true, 0));
    check_got(peer, "K0");
}
GST_END_TEST

GST_START_TEST(test_layers) {
    Simulcast peer;
    Source middle = Simulcast::layer("m", 12, samples::other_sps);
    Source audio = opus_source(1001);
    // Until all are there, nothing passes, not even audio; but audio before video does.
    peer.take(audio.send(opus_frame(true), true, 0));
    check_got(peer, "c0 a0");
    peer.take_frame(peer.low, true);
    peer.take(audio.send(opus_frame(true), true, 960));
    peer.pass_frame();
    peer.take_frame(peer.low, false);
    peer.take_frame(middle, true);
    check_got(peer, "");
    peer.pass_frame();
    // The largest becomes the default; of those of a size, the one with more bytes.
    peer.take(peer.high.send(avc_frame(true, 9000), true, peer.timestamp));
    fail_unless(peer.id_of("h") == 0 && peer.id_of("m") == 1 && peer.id_of("l") == 2);
    check_got(peer, "C2 K2 a0 f2 C1 K1 C0 K0");
    // After its first packets a browser leaves the names out.
    for (Source *layer : {&peer.low, &middle, &peer.high})
        layer->extensions = {};
    peer.pass_frame();
    peer.take_frame(peer.high, false);
    peer.take_frame(middle, false);
    peer.take_frame(peer.low, false);
    check_got(peer, "f0 f1 f2");
    // A layer that pauses stops no other, and is asked for a keyframe once.
    for (int i = 0; i < 100; ++i) {
        peer.pass_frame();
        peer.take_frame(middle, false);
        peer.take_frame(peer.low, i % 50 == 0);
    }
    fail_unless_equals_int(peer.got.size(), 200);
    fail_unless(std::abs(int(peer.got[198].dts - peer.got[199].dts)) <= 1);
    peer.got.clear();
    peer.sent.clear();
    peer.ingest.request_keyframe(peer.now);
    peer.check();
    const auto requests = peer.take_sent<rtcp::PictureLoss>();
    fail_unless(requests.size() == 3 && requests[0].media == 11 && requests[1].media == 12);
    for (int i = 0; i < 40; ++i) {
        peer.pass(33 * ms);
        peer.timestamp += 2970;
        peer.take_frame(middle, false);
        peer.take_frame(peer.low, false);
    }
    for (const rtcp::PictureLoss &request : peer.take_sent<rtcp::PictureLoss>())
        fail_unless(request.media != 11);
    const uint32_t before = peer.got.back().dts;
    peer.got.clear();
    // It comes back as the track that it was, and at the others' time.
    peer.pass_frame();
    peer.take_frame(peer.high, true);
    fail_unless(std::abs(int(peer.got.at(0).dts - before - 33)) <= 1);
    check_got(peer, "K0");
}
GST_END_TEST

GST_START_TEST(test_layers_wait_in_vain) {
    // The highest layer begins later: it may not become the default any more.
    Simulcast peer;
    peer.take_frame(peer.low, true);
    for (int i = 0; i < 59; ++i) {
        peer.pass_frame();
        peer.take_frame(peer.low, false);
    }
    check_got(peer, "");
    peer.pass(100 * ms);
    fail_unless(peer.got.size() == 61 && peer.id_of("l") == 0 && !peer.id_of("h"));
    fail_unless_equals_int(peer.got.back().dts - peer.got[1].dts, 59 * 33);
    peer.got.clear();
    peer.take_frame(peer.high, true);
    peer.take_frame(peer.low, false);
    fail_unless(peer.id_of("h") == 1);
    check_got(peer, "C1 K1 f0");
    // A rid that was not agreed.
    Source other = Simulcast::layer("x", 99, samples::sps);
    peer.take_frame(other, true);
    check_got(peer, "");
    fail_unless(peer.ingest.stats().unknown > 0);
}
GST_END_TEST

GST_START_TEST(test_held_bytes) {
    // Much is not held at all.
    Simulcast peer;
    peer.take_frame(peer.low, true);
    for (int i = 0; i < 9; ++i) {
        check_got(peer, "");
        peer.timestamp += 3000;
        peer.take(peer.low.send(avc_frame(false, 1'000'000), false, peer.timestamp));
        peer.now += ms;
    }
    fail_unless_equals_int(peer.got.size(), 11);
}
GST_END_TEST

GST_START_TEST(test_layers_repaired) {
    Simulcast peer;
    peer.take_frame(peer.low, true);
    peer.take_frame(peer.high, true);
    peer.pass(3'000 * ms);
    check_got(peer, "C1 K1 C0 K0");
    // A packet of each is lost; retransmissions say whose they are.
    std::vector<Unit> lost;
    for (Source *layer : {&peer.high, &peer.low}) {
        const auto packets = layer->send(avc_frame(false, 3000), false, 9'000);
        lost.push_back(packets[1]);
        peer.take({packets[0], packets[2]});
    }
    peer.pass(5 * ms);
    const auto nacks = peer.take_sent<rtcp::Nack>();
    fail_unless(nacks.size() == 2 && nacks[0].media == 11 && nacks[1].media == 13);
    peer.take({retransmission(lost[1], 104, 23, 1, ids_of(4, 10, 11), "l")});
    check_got(peer, "f1");
    // One that says nothing may be of either.
    peer.take({retransmission(lost[0], 104, 21, 1)});
    check_got(peer, "");
    peer.take({retransmission(lost[0], 104, 21, 2, ids_of(4, 10, 11), "h")});
    check_got(peer, "f0");
    // By then its SSRC is known.
    const auto packets = peer.high.send(avc_frame(false, 3000), false, 12'000);
    peer.take({packets[0], packets[2]});
    peer.take({retransmission(packets[1], 104, 21, 3)});
    check_got(peer, "f0");
}
GST_END_TEST

GST_START_TEST(test_layers_by_group) {
    // Old browsers announce the SSRCs of layers, and have no rids.
    sdp::Offer offer = rig::read(rig::seed("chromium-publish"));
    sdp::MediaSection &section = offer.media[1];
    section.groups = {{"SIM", {31, 32}}, {"FID", {31, 41}}, {"FID", {32, 42}}};
    section.ssrcs = {{31, "", ""}, {32, "", ""}, {41, "", ""}, {42, "", ""}};
    Peer peer(offer);
    Source low = avc_source(31, 103), high = avc_source(32, 103, samples::other_sps);
    peer.take(low.send(avc_frame(true, 300), true, 0));
    peer.take(high.send(avc_frame(true, 300), true, 0));
    check_got(peer, "C1 K1 C0 K0");
    const auto packets = high.send(avc_frame(false, 3000), false, 3000);
    peer.take({packets[0], packets[2], retransmission(packets[1], 104, 42, 1)});
    check_got(peer, "f0");
}
GST_END_TEST

static Suite *rtc_ingest_layers_suite() {
    Suite *suite = suite_create("rtc_ingest_layers");
    TCase *tc = tcase_create("rtc_ingest_layers");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_sources);
    tcase_add_test(tc, test_extensions_unasked);
    tcase_add_test(tc, test_many_sources);
    tcase_add_test(tc, test_layers);
    tcase_add_test(tc, test_layers_wait_in_vain);
    tcase_add_test(tc, test_held_bytes);
    tcase_add_test(tc, test_layers_repaired);
    tcase_add_test(tc, test_layers_by_group);
    return suite;
}
GST_CHECK_MAIN(rtc_ingest_layers)
