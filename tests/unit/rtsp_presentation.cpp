// SPDX-License-Identifier: LGPL-2.1-or-later
// Session descriptions of odd cameras, and the codecs that they announce.
#include "core/rtsp/client/track_codec.h"

#include "check.hpp"

#include "unit/rtp_payload_rig.hpp"

using namespace penstock;
using rtc::Codec;
using sdp::Kind;
using sdp::MulticastGroup;
using sdp::Parameters;
using sdp::Presentation;
using sdp::read_presentation;

namespace {

Presentation read(const std::string &text) {
    Presentation out;
    const Result result = read_presentation(text, out);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return out;
}

const std::string video = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t1\r\n";

sdp::Codec format(const char *name, uint32_t clock, Parameters parameters, unsigned channels = 1) {
    sdp::Codec out;
    out.payload_type = 97;
    out.name = name;
    out.clock = clock;
    out.channels = channels;
    out.parameters = std::move(parameters);
    return out;
}

std::vector<uint8_t> config_of(const sdp::Codec &codec) {
    const auto found = rtsp::track_codec(codec);
    fail_unless(found.has_value());
    return found->make()->config();
}

} // namespace

GST_START_TEST(test_session_lines) {
    for (const char *odd :
         {"c=IN \r\n", "o=-\r\n", "o=- -5 -7 IN IP4 1.2.3.4\r\n", "o=- 1.5 2.5 IN IP4\r\n",
          "o=- 340282366920938463463374607431768211456 1 IN IP4 x\r\n", "o=\r\n", "s=\r\n",
          "s=a\x01\x02z\r\n", "garbage without sense\r\n", "t=\r\n", "m=\r\na=control:lost\r\n",
          "m=video 99999 RTP/AVP 96\r\na=control:lost\r\n", "a=\r\n", "=x\r\n", "\t\r\n"}) {
        const Presentation p = read("v=0\r\n" + std::string(odd) + video);
        fail_unless_equals_int(p.streams.size(), 1);
        fail_unless(p.streams[0].control == "t1" && p.streams[0].codecs[0].is("H264"), "%s", odd);
    }
    fail_unless_equals_int(read(video).streams.size(), 1); // no v=
    fail_unless_equals_int(read("v=0\rm=audio 0 RTP/AVP 0\r").streams.size(), 1);
    const std::string longest = "a=fmtp:96 x=" + std::string(5000, 'A') + "\r\n";
    fail_unless_equals_int(read(video + longest).streams.size(), 1);
    std::string many = "v=0\r\n";
    for (int i = 0; i < 50; ++i)
        many += video;
    fail_unless_equals_int(read(many).streams.size(), 16);
    Presentation none;
    fail_unless(read_presentation("", none).is_error());
    fail_unless(read_presentation("v=0\r\ns=x\r\n", none).is_error());
    fail_unless(read_presentation(std::string(300'000, 'v'), none).is_error());
}
GST_END_TEST

GST_START_TEST(test_streams) {
    const Presentation p =
        read("v=0\r\na=control:*\r\nc=IN IP4 239.1.2.3/16\r\n"
             "m=video 5000 RTP/AVP 26\r\na=framesize:26 1920-1080\r\n"
             "m=audio 0 RTP/AVP 8\r\na=control:rtsp://x/a?b=c\r\n"
             "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265\r\n"
             "m=video 0 RTP/AVP 97\r\na=fmtp:97 sprop-vps=x\r\n"
             "m=audio 0 RTP/AVP 98\r\na=fmtp:98 sizelength=13\r\na=x-dimensions:640,480\r\n"
             "m=audio 0 RTP/AVP 0\r\na=sendonly\r\n"
             "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n");
    fail_unless_equals_int(p.streams.size(), 7);
    fail_unless(p.streams[0].codecs[0].is("JPEG") && p.streams[0].width == 1920);
    fail_unless(p.streams[0].multicast == MulticastGroup({"239.1.2.3", 5000, 16}));
    fail_unless(p.streams[1].codecs[0].is("PCMA") && p.streams[1].control == "rtsp://x/a?b=c");
    fail_if(p.streams[1].multicast.has_value());
    fail_unless(p.streams[2].codecs[0].is("H265") && p.streams[2].codecs[0].clock == 90'000);
    fail_unless(p.streams[3].codecs[0].is("H265"));
    fail_unless(p.streams[4].codecs[0].is("MPEG4-GENERIC") && p.streams[4].height == 480);
    fail_unless(p.streams[5].is_back && !p.streams[1].is_back);
    fail_unless(p.streams[6].kind == Kind::application && p.streams[6].codecs.empty());
}
GST_END_TEST

GST_START_TEST(test_codecs) {
    const auto codec = [](const char *name) {
        const auto found = rtsp::track_codec(format(name, 8'000, {}));
        fail_unless(found.has_value(), "%s", name);
        return *found;
    };
    fail_unless(codec("h264").codec == Codec::avc && codec("H264").rate == 90'000);
    fail_unless(codec("HEVC").codec == Codec::hevc && codec("JPEG").codec == Codec::jpeg);
    fail_unless(codec("G726-24").g726_bitrate == 24'000 &&
                codec("aal2-g726-40").g726_bitrate == 40'000);
    fail_if(rtsp::track_codec(format("G726-33", 8'000, {})).has_value());
    fail_if(rtsp::track_codec(format("vnd.onvif.metadata", 90'000, {})).has_value());
    fail_unless(rtsp::static_codec(8)->codec == Codec::alaw && !rtsp::static_codec(96));
    // A broken configuration, or none: by rate and channels.
    const std::vector<uint8_t> made = {0x12, 0x10}; // LC, 44.1 kHz, stereo
    fail_unless(config_of(format("mpeg4-generic", 44'100, {}, 2)) == made);
    fail_unless(config_of(format("mpeg4-generic", 44'100, {{"config", "00"}}, 2)) == made);
    fail_unless(config_of(format("MPEG4-GENERIC", 48'000, {{"config", "1190"}}, 1)) ==
                std::vector<uint8_t>({0x11, 0x90}));
    fail_unless(
        config_of(format("MP4A-LATM", 48'000, {{"cpresent", "0"}, {"config", "400023203fc0"}})) ==
        std::vector<uint8_t>({0x11, 0x90}));
}
GST_END_TEST

GST_START_TEST(test_adts) {
    using namespace rtp_test;
    const auto aac = rtsp::track_codec(format("MPEG4-GENERIC", 48'000, {{"config", "1190"}}));
    const std::vector<uint8_t> raw = pattern({}, 100);
    std::vector<uint8_t> adts;
    codec::AacConfig config;
    config.rate = 16'000;
    config.channel_config = config.channels = 1;
    fail_unless(codec::append_adts(config, raw, adts));
    const std::vector<uint8_t> told = codec::build_aac_config(2, 16'000, 1);
    // Whole payloads of ADTS; and access units with ADTS headers.
    std::vector<uint8_t> both = adts;
    both.insert(both.end(), adts.begin(), adts.end());
    std::vector<uint8_t> unit = {0, 16, uint8_t(adts.size() >> 5), uint8_t(adts.size() << 3)};
    unit.insert(unit.end(), adts.begin(), adts.end());
    for (const auto &[payload, count] : {std::pair(both, size_t(2)), std::pair(unit, size_t(1))}) {
        const auto made = aac->make();
        std::vector<Frame> frames;
        fail_unless(made->push({payload, 7, true, false}, frames).is_ok());
        fail_unless_equals_int(frames.size(), count);
        for (const Frame &frame : frames)
            fail_unless(bytes_of(frame.bytes) == raw);
        fail_unless(frames[0].config_changed && made->config() == told);
    }
    // What is none stays as it is.
    std::vector<uint8_t> plain = {0, 16, uint8_t(raw.size() >> 5), uint8_t(raw.size() << 3)};
    plain.insert(plain.end(), raw.begin(), raw.end());
    const auto made = aac->make();
    std::vector<Frame> frames;
    fail_unless(made->push({plain, 7, true, false}, frames).is_ok());
    fail_unless(frames.size() == 1 && bytes_of(frames[0].bytes) == raw);
    fail_unless(made->config() == std::vector<uint8_t>({0x11, 0x90}));
}
GST_END_TEST

GST_START_TEST(test_bytes_tell_the_codec) {
    rtsp::NalCodecCheck check;
    const std::vector<uint8_t> vps = {0x40, 1, 0x0C}, hevc_fu = {0x62, 1, 0x93},
                               idr = {0x65, 0x88, 0x84}, avc_fu = {0x7C, 0x85, 0x88},
                               sps = {0x67, 0x42, 0xC0};
    fail_if(check.check(Codec::avc, vps) || check.check(Codec::avc, hevc_fu));
    fail_unless(check.check(Codec::avc, hevc_fu) == Codec::hevc);
    fail_if(check.check(Codec::avc, vps) || check.check(Codec::avc, idr));
    fail_if(check.check(Codec::avc, vps) || check.check(Codec::avc, vps)); // counted anew
    check = {};
    fail_if(check.check(Codec::hevc, sps) || check.check(Codec::hevc, idr));
    fail_unless(check.check(Codec::hevc, avc_fu) == Codec::avc);
    fail_if(check.check(Codec::vp8, vps));
    for (const auto *own : {&vps, &hevc_fu, &vps, &hevc_fu})
        fail_if(check.check(Codec::hevc, *own));
    for (const auto *own : {&sps, &idr, &avc_fu, &idr})
        fail_if(check.check(Codec::avc, *own));
}
GST_END_TEST

static Suite *rtsp_presentation_suite() {
    Suite *s = suite_create("rtsp_presentation");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_session_lines);
    tcase_add_test(tc, test_streams);
    tcase_add_test(tc, test_codecs);
    tcase_add_test(tc, test_adts);
    tcase_add_test(tc, test_bytes_tell_the_codec);
    return s;
}
GST_CHECK_MAIN(rtsp_presentation)
