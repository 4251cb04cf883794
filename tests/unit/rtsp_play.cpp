// SPDX-License-Identifier: LGPL-2.1-or-later
// What RTSP's players get of a stream: its description, and its packets.
#include "core/codec/opus.h"
#include "core/rtp/packet.h"
#include "core/rtsp/play/description.h"

#include "flv_samples.hpp"

#include <string>

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtsp;

namespace {

struct Rtp {
    rtp::Packet packet;
    uint8_t channel = 0;
};

/// The RTP packets of a frame, by the heads with which they are interleaved.
std::vector<Rtp> packets_of(const PlayPacket &frame) {
    std::vector<Rtp> out;
    size_t at = 0;
    frame.each_rtp([&](ByteView view) {
        Rtp one;
        fail_unless(rtp::parse(view, one.packet).is_ok());
        fail_unless_equals_int(frame.payload[at], '$');
        one.channel = frame.payload[at + 1];
        at += frame_head_size + view.size();
        out.push_back(one);
    });
    fail_unless_equals_int(int(at), int(frame.payload.size()));
    fail_unless_equals_int(int(out.size()), int(frame.count));
    return out;
}

flv::Tag big_keyframe(uint32_t ms, size_t size) {
    std::vector<uint8_t> body{0x17, 1, 0, 0, 0, 0, 0, uint8_t(size >> 8), uint8_t(size), 0x65};
    body.resize(body.size() + size - 1, 0xAB);
    return flv::make_tag(flv::TagType::video, ms, body);
}

} // namespace

GST_START_TEST(test_packets) {
    PlayMaker maker(1000, 65534);
    fail_unless_equals_int(int(maker.make(samples::video_frame(0, true), 0)->size), 0);
    fail_unless_equals_int(int(maker.make(samples::video_config(), 0)->size), 0);
    const auto key = maker.make(big_keyframe(40, 3000), 40);
    const auto packets = packets_of(*key);
    // Parameter sets, and three fragments; the sequence numbers wrap.
    fail_unless_equals_int(int(packets.size()), 4);
    fail_unless(key->keyframe && key->needs == track_bit(0) && key->size == key->payload.size());
    for (size_t i = 0; i < packets.size(); ++i) {
        fail_unless_equals_int(packets[i].channel, rtp_channel(0));
        fail_unless_equals_int(packets[i].packet.sequence, uint16_t(65534 + i));
        fail_unless_equals_int(int(packets[i].packet.timestamp), 40 * 90);
        fail_unless_equals_int(int(packets[i].packet.ssrc), 1000);
        fail_unless(packets[i].packet.marker == (i + 1 == packets.size()));
    }
    // B-frames: RTP has the time of presentation.
    const auto b = maker.make(samples::video_frame(80, false, 1, 120), 80);
    fail_unless_equals_int(int(packets_of(*b)[0].packet.timestamp), 200 * 90);

    fail_unless_equals_int(int(maker.make(samples::audio_config(), 80)->size), 0);
    const auto former = maker.make(samples::audio_frame(80, 1), 80);
    const auto latter = maker.make(samples::audio_frame(103, 2), 103);
    fail_unless_equals_int(packets_of(*former)[0].channel, rtp_channel(1));
    fail_unless_equals_int(int(packets_of(*former)[0].packet.ssrc), 1001);
    // By samples, not by milliseconds.
    fail_unless_equals_int(
        int(packets_of(*latter)[0].packet.timestamp - packets_of(*former)[0].packet.timestamp),
        1024);
    const auto late = maker.make(samples::audio_frame(500, 3), 500);
    fail_unless_equals_int(int(packets_of(*late)[0].packet.timestamp), 500 * 441 / 10);
}
GST_END_TEST

GST_START_TEST(test_description) {
    PlayMaker maker(1, 1);
    (void)maker.make(samples::video_config(), 0);
    (void)maker.make(samples::audio_config(), 0);
    const std::string text = describe(maker.tracks(), "live/cam");
    for (const char *wanted :
         {"s=live/cam\r\n", "m=video 0 RTP/AVP 96\r\n", "a=rtpmap:96 H264/90000\r\n",
          "packetization-mode=1;sprop-parameter-sets=Z2QADKzZ", "profile-level-id=64000C\r\n",
          "a=control:trackID=0\r\n", "m=audio 0 RTP/AVP 97\r\n",
          "a=rtpmap:97 mpeg4-generic/44100/2\r\n", "config=1210\r\n", "a=control:trackID=1\r\n",
          "a=range:npt=now-\r\n"})
        fail_unless(text.find(wanted) != text.npos, "%s is not in\n%s", wanted, text.c_str());
    // A new producer's tracks keep their numbers.
    maker.restart();
    fail_unless(maker.tracks().empty());
    (void)maker.make(samples::audio_config(), 0);
    fail_unless(maker.tracks().size() == 1 && maker.tracks()[0].index == 1);

    const std::string group = describe(maker.tracks(), "x", {"239.1.2.3", 5000, 4});
    fail_unless(group.find("m=audio 5002 RTP/AVP 97\r\nc=IN IP4 239.1.2.3/4\r\n") != group.npos,
                "%s", group.c_str());
    fail_unless(parse_track_control("trackID=7") == 7u);
    fail_if(parse_track_control("trackID=8") || parse_track_control("trackID=") ||
            parse_track_control("stream=1"));
}
GST_END_TEST

GST_START_TEST(test_too_many_tracks) {
    PlayMaker maker(1, 1);
    for (unsigned track = 0; track < 20; ++track) {
        // Enhanced RTMP, Multitrack, OneTrack: H.264's configuration.
        std::vector<uint8_t> body{0x86 | 0x10, 0x00, 'a', 'v', 'c', '1', uint8_t(track)};
        const auto config = samples::avc_config();
        body.insert(body.end(), config.begin(), config.end());
        (void)maker.make(flv::make_tag(flv::TagType::video, 0, body), 0);
    }
    fail_unless_equals_int(int(maker.tracks().size()), int(max_tracks));
    fail_unless_equals_string(maker.complaint(), "more than 8 tracks");
}
GST_END_TEST

GST_START_TEST(test_fold) {
    PlayMaker maker(1, 1);
    (void)maker.make(samples::video_config(), 0);
    (void)maker.make(samples::audio_config(), 0);
    std::vector<fanout::PacketPtr> gop;
    for (uint32_t i = 0; i < 5; ++i) {
        gop.push_back(
            maker.make(samples::video_frame(1000 + 40 * i, i == 0, uint8_t(i)), 1000 + 40 * i));
        gop.push_back(maker.make(samples::audio_frame(1000 + 40 * i, uint8_t(i)), 1000 + 40 * i));
    }
    const auto folded = fold(gop);
    fail_unless_equals_int(int(folded.size()), 5);
    for (uint32_t i = 0; i < 5; ++i) {
        const PlayPacket &frame = play_packet(folded[i]);
        fail_unless_equals_int(int(frame.timestamp), int((1160 - (4 - i)) * 90));
        const auto packets = packets_of(frame);
        fail_unless_equals_int(int(packets[0].packet.timestamp), int(frame.timestamp));
        fail_unless_equals_int(packets[0].packet.sequence,
                               packets_of(play_packet(gop[2 * i]))[0].packet.sequence);
    }
    fail_unless(fold({}).empty());
    fail_unless(fold({gop.begin() + 1, gop.end()}).empty(), "it begins with a keyframe");
}
GST_END_TEST

static Suite *rtsp_play_suite() {
    Suite *suite = suite_create("rtsp_play");
    TCase *cases = tcase_create("play");
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, test_packets);
    tcase_add_test(cases, test_description);
    tcase_add_test(cases, test_too_many_tracks);
    tcase_add_test(cases, test_fold);
    return suite;
}

GST_CHECK_MAIN(rtsp_play)
