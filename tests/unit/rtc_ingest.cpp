// SPDX-License-Identifier: LGPL-2.1-or-later
// Publishers of WebRTC: each codec as FLV tags, their times, sources that change or end, and audio
// that repeats itself.
#include "core/codec/av1.h"
#include "core/rtp/clock.h"
#include "core/rtp/payload/av1_packetizer.h"
#include "core/rtp/payload/vp8.h"
#include "core/rtp/payload/vp9.h"
#include "core/rtp/red.h"

#include "unit/rtc_ingest_rig.hpp"

using namespace rtc_test;

namespace {

/// An offer of one section with one codec, and nothing about its sources.
sdp::Offer offer_of(const std::string &kind, const std::string &codec, const std::string &fmtp = {},
                    const std::string &more = {}) {
    return rig::read(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=" + kind +
        " 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n"
        "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\na=setup:actpass\r\n"
        "a=fingerprint:sha-256 " +
        sdp::to_string(rig::local_transport().fingerprint) + "\r\na=rtpmap:96 " + codec + "\r\n" +
        (fmtp.empty() ? "" : "a=fmtp:96 " + fmtp + "\r\n") + more);
}

Source source_of(std::shared_ptr<rtp::payload::Packetizer> packetizer) {
    Source source;
    source.ssrc = 77;
    source.packetizer = std::move(packetizer);
    return source;
}

struct VideoCase {
    const char *name, *fourcc, *fmtp;
    std::shared_ptr<rtp::payload::Packetizer> packetizer;
    Unit key, delta, config;
    unsigned width, height;
};

/// A keyframe and others come out as they went in, behind their configuration.
void check_video(const VideoCase &one) {
    Peer peer(offer_of("video", one.name + std::string("/90000"), one.fmtp));
    Source source = source_of(one.packetizer);
    uint32_t timestamp = 0xFFFFFF00;
    for (int i = 0; i < 5; ++i) {
        peer.take(source.send(i % 3 == 0 ? one.key : one.delta, i % 3 == 0, timestamp));
        timestamp += 3600;
        peer.pass(40 * ms);
    }
    fail_unless_equals_int(peer.got.size(), 6);
    fail_unless(peer.got[0].config && peer.got[0].payload == one.config, "%s", one.name);
    const char *fourcc = one.fourcc;
    for (size_t i = 1; i < peer.got.size(); ++i) {
        const Got &got = peer.got[i];
        const bool key = i % 3 == 1;
        fail_unless_equals_string(flv::codec_name(got.codec).c_str(), fourcc);
        fail_unless(got.video && !got.config && got.keyframe == key, "%s", one.name);
        fail_unless(got.payload == (key ? one.key : one.delta), "%s", one.name);
        fail_unless_equals_int(got.dts, 40 * (i - 1));
        fail_unless_equals_int(got.composition_time, 0);
    }
    const auto stats = peer.ingest.stats().tracks.at(0);
    fail_unless(stats.width == one.width && stats.height == one.height, "%s", one.name);
    fail_unless(stats.counters.frames == 5 && stats.counters.keyframes == 2);
    fail_unless(stats.counters.dropped_frames == 0 && stats.flv_track == 0);
}

} // namespace

GST_START_TEST(test_video_codecs) {
    using namespace rtp::payload;
    check_video({"H264", "avc1", "packetization-mode=1;profile-level-id=64001f", avc_packetizer(),
                 avc_frame(true, 4000), avc_frame(false, 2000), samples::avc_config(), 320, 180});

    codec::NalConfig sets;
    sets.vps = {mender_test::hevc_vps};
    sets.sps = {mender_test::hevc_sps};
    sets.pps = {mender_test::hevc_pps};
    Unit hevc_record;
    fail_unless(build_nal_config(codec::NalCodec::hevc, sets, hevc_record).is_ok());
    const auto hevc = std::make_shared<NalPacketizer>(codec::NalCodec::hevc);
    fail_unless(hevc->configure(hevc_record).is_ok());
    check_video({"H265", "hvc1", "", hevc,
                 rtp_test::lengths({pattern(mender_test::hevc_idr, 4000)}),
                 rtp_test::lengths({pattern(mender_test::hevc_p, 300)}), hevc_record, 0, 0});

    const Unit header = from_hex("0a0a0000000337fbe6d7c802");
    const auto obu_frame = [](bool key) {
        return samples::joined({from_hex("32c801"), pattern({uint8_t(key ? 0x10 : 0x30)}, 200)});
    };
    Unit av1_record;
    fail_unless(codec::make_av1_config(header, av1_record).is_ok());
    check_video({"AV1", "av01", "", std::make_shared<Av1Packetizer>(),
                 samples::joined({header, obu_frame(true)}), obu_frame(false), av1_record, 128,
                 96});

    check_video({"VP9", "vp09", "", std::make_shared<Vp9Packetizer>(),
                 pattern(from_hex("824983420007f005f60638"), 3000), pattern(from_hex("8611"), 90),
                 from_hex("01000000 00 0a 82 02 02 02 0000"), 128, 96});

    check_video({"VP8", "vp08", "", std::make_shared<Vp8Packetizer>(),
                 pattern(from_hex("1002009d012a 0005 d002"), 3000), pattern(from_hex("110200"), 90),
                 from_hex("01000000 00 00 82 02 02 02 0000"), 1280, 720});
}
GST_END_TEST

GST_START_TEST(test_parameter_sets_of_the_offer) {
    // The sets are in the offer alone: its base64 of samples::sps and samples::pps.
    gchar *sps = g_base64_encode(samples::sps.data(), samples::sps.size());
    gchar *pps = g_base64_encode(samples::pps.data(), samples::pps.size());
    Peer peer(
        offer_of("video", "H264/90000",
                 std::string("packetization-mode=1;sprop-parameter-sets=") + sps + "," + pps));
    g_free(sps);
    g_free(pps);
    Source source = source_of(std::make_shared<rtp::payload::NalPacketizer>(codec::NalCodec::avc));
    peer.take(source.send(avc_frame(true, 500), true, 0));
    fail_unless(peer.got.at(0).payload == samples::avc_config());
    check_got(peer, "C0 K0");
    // Without any, there is nothing that could be decoded.
    Peer other(offer_of("video", "H264/90000", "packetization-mode=1"));
    other.take(source.send(avc_frame(true, 500), true, 3000));
    check_got(other, "");
    fail_unless(other.ingest.stats().tracks[0].counters.dropped_frames == 1);
}
GST_END_TEST

GST_START_TEST(test_new_configuration) {
    Peer peer("obs");
    Source source = avc_source(4002, 96);
    uint32_t timestamp = 0;
    const auto send = [&](bool key) {
        peer.take(source.send(avc_frame(key, 900), key, timestamp += 3000));
        peer.pass(33 * ms);
    };
    // Frames before the first keyframe can't be decoded.
    send(false);
    check_got(peer, "");
    send(true);
    send(false);
    send(true);
    check_got(peer, "C0 K0 f0 K0");
    source.packetizer = avc_packetizer(samples::other_sps);
    send(false);
    send(true);
    fail_unless(peer.got.at(1).payload == samples::avc_config(samples::other_sps));
    check_got(peer, "f0 C0 K0");
    fail_unless_equals_int(peer.ingest.stats().tracks[1].width, 1280);
}
GST_END_TEST

GST_START_TEST(test_opus) {
    // OBS announces stereo; the header says 48 kHz, and two channels for mono packets, too.
    Peer peer("obs");
    Source source = opus_source(4001);
    uint32_t timestamp = 1000;
    peer.take(source.send(opus_frame(false, 1), true, timestamp));
    fail_unless(peer.got.at(0).payload == from_hex("4f707573486561640102 0000 80bb0000 0000 00"));
    fail_unless(peer.got.at(1).payload == opus_frame(false, 1));
    peer.pass(20 * ms);
    peer.take(source.send(opus_frame(true), true, timestamp += 960));
    // DTX: nothing for 400 ms, but for a packet that goes to sleep.
    peer.pass(20 * ms);
    peer.take(source.send({0xF8}, true, timestamp += 960));
    peer.pass(400 * ms);
    peer.take(source.send(opus_frame(true), true, timestamp += 19'200));
    // A packet that no decoder takes.
    peer.take({source.packet({0x03}, timestamp + 960, false)});
    std::vector<uint32_t> times;
    for (const Got &got : peer.got)
        times.push_back(got.dts);
    check_got(peer, "c0 a0 a0 a0 a0");
    fail_unless(times == std::vector<uint32_t>({0, 0, 20, 40, 440}));

    // Without that, the first packet of stereo makes the track one of stereo for ever.
    Peer plain(offer_of("audio", "opus/48000/2"));
    source.type = 96;
    for (const bool stereo : {false, false, true, false})
        plain.take(source.send(opus_frame(stereo), true, timestamp += 960));
    fail_unless_equals_int(plain.got.at(0).payload.at(9), 1);
    fail_unless_equals_int(plain.got.at(3).payload.at(9), 2);
    check_got(plain, "c0 a0 a0 c0 a0 a0");
}
GST_END_TEST

GST_START_TEST(test_g711) {
    for (const auto &[name, fourcc] : {std::pair("PCMA", "alaw"), std::pair("PCMU", "ulaw")}) {
        Peer peer(offer_of("audio", name + std::string("/8000")));
        Source source = source_of(std::make_shared<rtp::payload::G711Packetizer>());
        const Unit frame = pattern({0xD5}, 160);
        peer.take(source.send(frame, true, 0));
        peer.take(source.send(frame, true, 160));
        fail_unless_equals_string(flv::codec_name(peer.got.at(1).codec).c_str(), fourcc);
        fail_unless(peer.got[1].payload == frame);
        fail_unless_equals_int(peer.got[1].dts, 20);
        check_got(peer, "a0 a0");
    }
}
GST_END_TEST

GST_START_TEST(test_b_frames) {
    // Displayed as 0 1 2 3 4 5 6, and sent as 0 3 1 2 6 4 5.
    Peer peer("obs");
    Source source = avc_source(4002, 96);
    for (int round = 0; round < 5; ++round)
        for (const int place : {0, 3, 1, 2, 6, 4, 5}) {
            const int frame = round * 7 + place;
            peer.take(source.send(avc_frame(place == 0, 500), place == 0, uint32_t(frame) * 3600));
            peer.pass(40 * ms);
        }
    fail_unless_equals_int(peer.got.size(), 36);
    // As soon as the depth is known, each has its time of display again.
    size_t i = 0;
    for (const Got &got : peer.got) {
        if (got.config) continue;
        const int order[] = {0, 3, 1, 2, 6, 4, 5};
        const int64_t wanted = 40 * (int64_t(i) / 7 * 7 + order[i % 7]);
        const int64_t pts = int64_t(got.dts) + got.composition_time;
        fail_unless(i < 7 || std::abs(pts - wanted) <= 1, "frame %zu: %ld, not %ld", i, long(pts),
                    long(wanted));
        ++i;
    }
}
GST_END_TEST

GST_START_TEST(test_reports_synchronize) {
    // Audio is sent 300 ms after the video that belongs to it, as the reports say.
    Peer peer("chromium-publish");
    Source video = avc_source(2002, 103), audio = opus_source(1001);
    constexpr int64_t wall = 1'790'000'000'000 * ms;
    uint32_t last_video = 0, last_audio = 0;
    for (int i = 0; i < 300; ++i) {
        if (i % 50 == 10) {
            peer.report(rtcp::SenderReport{
                2002, rtp::ntp_of(wall + i * 20 * ms), uint32_t(i * 1800), 0, 0, {}});
            peer.report(rtcp::SenderReport{
                1001, rtp::ntp_of(wall + (i * 20 - 300) * ms), uint32_t(i * 960 + 7), 0, 0, {}});
        }
        peer.take(video.send(avc_frame(i % 100 == 0, 700), i % 100 == 0, uint32_t(i * 1800)));
        peer.take(audio.send(opus_frame(true), true, uint32_t(i * 960 + 7)));
        for (const Got &got : peer.got)
            (got.video ? last_video : last_audio) = got.dts;
        peer.got.clear();
        if (i == 0) fail_unless(last_video == 0 && last_audio == 0);
        peer.pass(20 * ms);
    }
    // What arrived together was not captured together. At most 1 ms is rounding.
    const int64_t skew = int64_t(last_video) - last_audio;
    fail_unless(skew >= 299 && skew <= 301, "%ld", long(skew));
}
GST_END_TEST

GST_START_TEST(test_other_source) {
    // The publisher's encoder starts anew: another SSRC, other numbers.
    Peer peer("chromium-publish");
    Source first = avc_source(2002, 103);
    for (int i = 0; i < 3; ++i) {
        peer.take(first.send(avc_frame(i == 0, 2000), i == 0, uint32_t(i) * 3000));
        peer.pass(33 * ms);
    }
    check_got(peer, "C0 K0 f0 f0");
    Source second = avc_source(9999, 103);
    second.sequence = 7;
    peer.pass(500 * ms);
    // It begins with frames that are of no use, so that a keyframe is asked of it.
    peer.sent.clear();
    peer.take(second.send(avc_frame(false, 2000), false, 5'000'000));
    check_got(peer, "");
    const auto requests = peer.take_sent<rtcp::PictureLoss>();
    fail_unless(requests.size() == 1 && requests[0].media == 9999 && requests[0].sender == 1);
    peer.pass(33 * ms);
    peer.take(second.send(avc_frame(true, 2000), true, 5'003'000));
    peer.pass(33 * ms);
    peer.take(second.send(avc_frame(false, 2000), false, 5'006'000));
    fail_unless(peer.got.at(0).dts >= 599 && peer.got[0].dts <= 640);
    fail_unless_equals_int(peer.got[1].dts - peer.got[0].dts, 33);
    check_got(peer, "K0 f0");
    fail_unless(peer.ingest.stats().tracks[1].ssrc == 9999);
}
GST_END_TEST

GST_START_TEST(test_goodbye) {
    Peer peer("obs");
    Source video = avc_source(4002, 96), audio = opus_source(4001);
    fail_unless(!peer.ingest.has_ended());
    peer.take(audio.send(opus_frame(true), true, 0));
    const auto packets = video.send(avc_frame(true, 3000), true, 0);
    peer.take(packets);
    check_got(peer, "c0 a0 C0 K0");
    // Behind a gap, whose packet the sender never sends any more.
    video.sequence++;
    peer.take(video.send(avc_frame(true, 800), true, 3000));
    check_got(peer, "");
    peer.report(rtcp::Goodbye{{4002}, ""});
    check_got(peer, "K0");
    fail_unless(!peer.ingest.has_ended());
    peer.report(rtcp::Goodbye{{4001, 12345}, "bye"});
    fail_unless(peer.ingest.has_ended());
    // It goes on after all.
    peer.take(audio.send(opus_frame(true), true, 960));
    fail_unless(!peer.ingest.has_ended());
    check_got(peer, "a0");
}
GST_END_TEST

GST_START_TEST(test_policy) {
    // What each client's offer is answered with.
    const auto codecs = [](const char *seed) {
        std::string out;
        for (const auto &section : answer_to(rig::read(rig::seed(seed))).sections)
            out += section.codec.name + " ";
        return out;
    };
    fail_unless_equals_string(codecs("obs").c_str(), "opus H264 ");
    fail_unless_equals_string(codecs("ffmpeg").c_str(), "opus H264 ");
    fail_unless_equals_string(codecs("chromium-publish").c_str(), "opus H264 ");
    fail_unless_equals_string(codecs("simple-whip-client").c_str(), "OPUS VP8 ");
    const auto opus = answer_to(rig::read(rig::seed("obs"))).sections[0].codec.parameters;
    fail_unless(*opus.find("stereo") == "1" && *opus.find("useinbandfec") == "1");
    const auto chromium = answer_to(rig::read(rig::seed("chromium-simulcast"))).sections[1];
    fail_unless(chromium.rids.size() == 3 && chromium.rtx == 104);
    fail_unless_equals_int(chromium.codec.feedback.size(), 5);
    fail_unless_equals_int(chromium.extensions.size(), 6);
    // Mode 0 is enough, profile 2 of VP9 is not.
    fail_unless_equals_string(
        answer_to(offer_of("video", "H264/90000")).sections[0].codec.name.c_str(), "H264");
    sdp::Answer answer;
    for (const auto &[codec, fmtp] :
         {std::pair("VP9/90000", "profile-id=2"), std::pair("multiopus/48000/6", "")}) {
        const auto offer = offer_of(codec[0] == 'V' ? "video" : "audio", codec, fmtp);
        fail_unless(
            sdp::make_answer(offer, publish_policy(), rig::local_transport(), answer).is_error());
    }
}
GST_END_TEST

/// Audio whose packets repeat the one before: of single losses nothing is missing.
GST_START_TEST(test_redundant_audio) {
    Peer peer("chromium-publish");
    fail_unless(peer.answer.sections[0].red == uint8_t(63));
    Source audio = opus_source(1001);
    audio.type = 63;
    uint32_t timestamp = 48'000;
    Unit before;
    const auto packet = [&](uint8_t mark, uint32_t ticks = 960) {
        const Unit frame = opus_frame(false, mark);
        Writer out;
        if (before.empty())
            out.u8(111);
        else
            out.bytes(rtp::red_head(111, ticks, before.size())).bytes(before);
        out.bytes(frame);
        before = frame;
        return audio.packet(out.take(), timestamp += ticks, false);
    };
    const auto marks = [&] {
        std::vector<unsigned> out;
        for (const Got &one : peer.got)
            if (!one.video && !one.config) out.push_back(one.payload.back());
        peer.got.clear();
        return out;
    };
    using Marks = std::vector<unsigned>;
    peer.take({packet(1), packet(2)});
    fail_unless(marks() == Marks({1, 2}));
    (void)packet(3);
    const auto times = [&] { return std::pair(peer.got.front().dts, peer.got.back().dts); };
    peer.take({packet(4)});
    fail_unless_equals_int(times().second - times().first, 20);
    fail_unless(marks() == Marks({3, 4}));
    // Two in a row are too many for one repetition.
    (void)packet(5);
    (void)packet(6);
    peer.take({packet(7)});
    peer.pass(500 * ms);
    fail_unless(marks() == Marks({6, 7}));
    // After a pause the one before is not that which is missing.
    (void)packet(8);
    peer.take({packet(9, 4'800)});
    peer.pass(500 * ms);
    fail_unless(marks() == Marks({9}));
    const auto malformed = peer.ingest.stats().malformed;
    peer.take({audio.packet({0xEF, 0, 1}, timestamp += 960, false)});
    fail_unless_equals_int(peer.ingest.stats().malformed, malformed + 1);
}
GST_END_TEST

static Suite *rtc_ingest_suite() {
    Suite *suite = suite_create("rtc_ingest");
    TCase *tc = tcase_create("rtc_ingest");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_video_codecs);
    tcase_add_test(tc, test_parameter_sets_of_the_offer);
    tcase_add_test(tc, test_new_configuration);
    tcase_add_test(tc, test_opus);
    tcase_add_test(tc, test_g711);
    tcase_add_test(tc, test_b_frames);
    tcase_add_test(tc, test_reports_synchronize);
    tcase_add_test(tc, test_other_source);
    tcase_add_test(tc, test_goodbye);
    tcase_add_test(tc, test_policy);
    tcase_add_test(tc, test_redundant_audio);
    return suite;
}
GST_CHECK_MAIN(rtc_ingest)
