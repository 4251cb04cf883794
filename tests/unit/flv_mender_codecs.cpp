// SPDX-License-Identifier: LGPL-2.1-or-later
// The FLV mender on HEVC, AV1, VP9, VP8, VVC and AAC.
#include "unit/flv_mender_rig.hpp"

using namespace mender_test;

GST_START_TEST(test_hevc) {
    for (const bool enhanced : {true, false}) {
        Stream s;
        const auto tag = [&](uint32_t ms, bool flag, const Unit &payload) {
            return enhanced ? extended(ms, flag, "hvc1", payload) : video(ms, flag, payload, 12);
        };
        auto out = s.push(tag(0, false, start_codes({hevc_vps, hevc_sps, hevc_pps, hevc_idr}, 3)));
        fail_unless_equals_int(out.size(), 2);
        fail_unless(out[0].kind == TagKind::config);
        fail_unless_equals_int(out[0].body()[0], 0x90);
        // The record that ffmpeg writes into MP4, without the SEI at its end.
        const Unit record = payload_of(out[0]);
        const Unit fixed =
            from_hex("0101600000009000000000003cf000fcfdf8f800000f03 20000100184001");
        fail_unless(record.size() > fixed.size() &&
                    std::equal(fixed.begin(), fixed.end(), record.begin()));
        check(out[1], true, lengths({hevc_vps, hevc_sps, hevc_pps, hevc_idr}));
        check(s.one(tag(40, true, lengths({hevc_p}))), false, lengths({hevc_p}));
        check(s.one(tag(80, false, lengths({hevc_cra}))), true, lengths({hevc_cra}));
        check(s.one(tag(120, false, lengths({hevc_recovery, hevc_p}))), true,
              lengths({hevc_recovery, hevc_p}));
        fail_unless(s.noted("start codes") && s.noted("keyframe flags"));
        // After ten seconds without a keyframe the flag alone decides.
        check(s.one(tag(10'119, true, lengths({hevc_p}))), false, lengths({hevc_p}));
        check(s.one(tag(10'120, true, lengths({hevc_p}))), true, lengths({hevc_p}));
    }
    // HEVC's own record, whole and truncated.
    Stream s;
    s.push(extended(0, true, "hvc1", start_codes({hevc_vps, hevc_sps, hevc_pps, hevc_idr})));
    const Unit record = payload_of(*s.normalizer.headers().video_config);
    Stream other;
    fail_unless_equals_int(other.push(extended(0, true, "hvc1", record, 0)).size(), 1);
    for (size_t size : {size_t(1), size_t(22), size_t(30), record.size() - 1}) {
        Stream broken;
        const Unit cut(record.begin(), record.begin() + ptrdiff_t(size));
        fail_unless(broken.push(extended(0, true, "hvc1", cut, 0)).empty());
        fail_unless(broken.noted("configuration left out"));
    }
}
GST_END_TEST

GST_START_TEST(test_other_codecs) {
    Stream s;
    const auto key = [&](const char(&codec)[5], const char *payload) {
        const Tag yes = s.one(extended(0, true, codec, from_hex(payload), 1));
        const Tag no = s.one(extended(0, false, codec, from_hex(payload), 1));
        fail_unless(yes.kind == no.kind && flag_of(yes) == flag_of(no));
        return flag_of(yes);
    };
    // AV1: a temporal delimiter, a sequence header, a frame; key, inter and intra-only frames that
    // are shown.
    fail_unless(key("av01", "1200 0a03 000000 3202 1000"));
    fail_unless(key("av01", "3202 1000"));
    fail_if(key("av01", "3202 3000"));
    fail_if(key("av01", "3202 5000"));
    // A key frame that is not shown counts if a sequence header precedes it; showing an earlier
    // frame never counts.
    fail_unless(key("av01", "0a03 000000 3202 0000 3202 3000"));
    fail_if(key("av01", "3202 0000 3202 3000"));
    fail_if(key("av01", "1a01 80"));
    // VP9 of profile 0 and 3, VP8.
    fail_unless(key("vp09", "8249") && !key("vp09", "8649") && !key("vp09", "8849"));
    fail_unless(key("vp09", "b049") && !key("vp09", "b249"));
    fail_unless(key("vp08", "109d019d012a") && !key("vp08", "119d01"));
    // H.266, after a composition time.
    fail_unless(key("vvc1", "000000 00000004 00411122"));
    fail_if(key("vvc1", "000000 00000004 00091122"));
    // A frame that can't be parsed keeps its flag.
    fail_unless(s.one(extended(0, true, "av01", from_hex("ff"), 1)).kind == TagKind::keyframe);
    fail_unless(s.one(extended(0, false, "av01", from_hex("ff"), 1)).kind == TagKind::frame);
}
GST_END_TEST

// Tags of another codec that yield no output don't end the stream's own codec.
GST_START_TEST(test_codec_without_output) {
    codec::AvcConfig config;
    fail_unless(codec::make_avc_config({sps}, {pps}, config).is_ok());
    config.length_size = 2;
    Stream s;
    s.push(config_of(codec::build_avc_config(config)));
    check(s.one(video(0, true, lengths({idr}, 2))), true, lengths({idr}, 2));
    fail_unless(s.push(extended(40, true, "hvc1", lengths({hevc_pps}))).empty());
    fail_unless(s.push(extended(40, true, "vvc1", lengths({from_hex("00794e")}))).empty());
    check(s.one(video(80, false, lengths({p_slice, {}}, 2))), false, lengths({p_slice}, 2));
    // Once there is output, the codec has changed.
    s.one(extended(120, true, "vp09", from_hex("8249"), 1));
    check(s.one(video(160, true, lengths({idr}))), true, lengths({idr}));
    fail_unless(s.noted("video without a configuration"));
}
GST_END_TEST

GST_START_TEST(test_adts) {
    const Unit raw = from_hex("21 10 04 60 8c 1c");
    for (const bool configured : {true, false}) {
        Stream s;
        if (configured) s.push(audio_config());
        auto out = s.push(audio(0, adts(raw)));
        fail_unless_equals_int(out.size(), configured ? 1 : 2);
        fail_unless(out.back().kind == TagKind::audio && payload_of(out.back()) == raw);
        fail_unless(payload_of(*s.normalizer.headers().audio_config) == from_hex("1210"));
        // Several ADTS frames in a tag: each gets its own time.
        Unit two = adts(raw), second = adts(from_hex("2111"));
        two.insert(two.end(), second.begin(), second.end());
        two.push_back(0); // and a byte behind them
        out = s.push(audio(23, two));
        fail_unless_equals_int(out.size(), 2);
        fail_unless_equals_int(out[0].timestamp, 23);
        fail_unless_equals_int(out[1].timestamp, 46);
        fail_unless(payload_of(out[0]) == raw && payload_of(out[1]) == from_hex("2111"));
        // Another sample rate makes another configuration.
        out = s.push(audio(70, adts(raw, 48000, 1)));
        fail_unless_equals_int(out.size(), 2);
        fail_unless(payload_of(out[0]) == from_hex("1188"));
        fail_unless(s.noted("ADTS headers: taken off"));
    }
    // A configuration of HE-AAC is kept, because ADTS can't express it.
    Stream he;
    he.push(audio(0, from_hex("2b8a0800"), 0)); // SBR: 22.05 to 44.1 kHz, mono
    fail_unless_equals_int(he.push(audio(0, adts(raw, 22050, 1))).size(), 1);
    // An ADTS header in place of the configuration.
    Stream header;
    const Tag config = header.one(audio(0, adts({}), 0));
    fail_unless(config.kind == TagKind::config && payload_of(config) == from_hex("1210"));
    // Truncated frames, and a channel layout that only the frames contain.
    Stream broken;
    Unit cut = adts(raw);
    cut.pop_back();
    fail_unless(broken.push(audio(0, cut)).empty());
    fail_unless(broken.push(audio(0, adts(raw, 44100, 0))).empty());
    fail_unless(broken.noted("broken ADTS"));
    Stream nested;
    fail_unless(nested.push(audio(0, adts(adts(raw)))).empty());
    fail_unless(nested.noted("inside ADTS"));
}
GST_END_TEST

GST_START_TEST(test_aac_configuration) {
    Stream s;
    for (const char *broken : {"12", "0000", "1690", "1710"})
        fail_unless(s.push(audio(0, from_hex(broken), 0)).empty());
    fail_unless_equals_int(s.notes.size(), 1);
    s.one(audio(0, from_hex("2110")));
    fail_unless(s.noted("AAC without a configuration"));
    // USAC is not AAC here, but a player may take it.
    s.one(audio(0, from_hex("f95019"), 0));
    fail_unless(s.normalizer.headers().audio_config.has_value());
}
GST_END_TEST

static Suite *flv_mender_codecs_suite() {
    Suite *s = suite_create("flv_mender_codecs");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_hevc);
    tcase_add_test(tc, test_other_codecs);
    tcase_add_test(tc, test_codec_without_output);
    tcase_add_test(tc, test_adts);
    tcase_add_test(tc, test_aac_configuration);
    return s;
}
GST_CHECK_MAIN(flv_mender_codecs)
