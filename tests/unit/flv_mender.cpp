// SPDX-License-Identifier: LGPL-2.1-or-later
// The FLV mender on H.264: quirks of publishers, with correct variants beside them; the output
// conforms to the formats.
#include "unit/flv_mender_rig.hpp"

using namespace mender_test;

GST_START_TEST(test_healthy_tags_pass_as_they_are) {
    Stream s;
    for (const Tag &tag :
         {metadata(), video_config(), audio_config(), video(0, true, lengths({idr})),
          audio(0, from_hex("2110")), video(40, false, lengths({p_slice})),
          video(80, true, lengths({delimiter, user_sei, sps, pps, idr, second_idr})),
          video(120, false, lengths({user_sei, p_slice, p_slice})),
          video(160, true, lengths({recovery_sei, p_slice})),
          extended(200, true, "vp09", from_hex("8249"), 1), audio(46, from_hex("fff1")),
          make_tag(TagType::audio, 50, from_hex("2ffff1508000000000"))}) {
        const Tag out = s.one(tag);
        fail_unless(out.bytes.data() == tag.bytes.data() && out.kind == tag.kind);
    }
    fail_unless(s.notes.empty(), "%s", s.notes.empty() ? "" : s.notes[0].c_str());
}
GST_END_TEST

GST_START_TEST(test_start_codes) {
    for (const unsigned size : {3u, 4u, 5u})
        for (const bool configured : {true, false}) {
            Stream s;
            if (configured) s.push(video_config());
            const auto out =
                s.push(video(0, true, start_codes({delimiter, sps, pps, user_sei, idr}, size)));
            fail_unless_equals_int(out.size(), configured ? 1 : 2);
            check(out.back(), true, lengths({delimiter, sps, pps, user_sei, idr}));
            fail_unless(s.normalizer.headers().video_config.has_value());
            fail_unless(payload_of(*s.normalizer.headers().video_config) == avc_config());
            check(s.one(video(40, false, start_codes({p_slice}, size))), false, lengths({p_slice}));
            fail_unless(s.noted("start codes"));
            fail_unless_equals_int(s.noted("configuration made"), !configured);
        }
}
GST_END_TEST

// A length of 256 to 511 looks like a start code of three bytes.
GST_START_TEST(test_lengths_like_start_codes) {
    Unit long_slice = p_slice;
    long_slice.resize(0x141, 0x55);
    for (const bool trailing : {false, true}) {
        Stream s;
        s.push(video_config());
        Unit payload = lengths({long_slice});
        if (trailing) payload.push_back(0);
        check(s.one(video(0, false, payload)), false, lengths({long_slice}));
        fail_if(s.noted("start codes"));
    }
    // The reverse: a frame with start codes that happens to parse as lengths.
    Stream s;
    s.push(video_config());
    s.push(video(0, true, start_codes({idr}, 4)));
    Unit chance = p_slice;
    chance.resize(0x141 + 2, 0x55);
    check(s.one(video(40, false, start_codes({chance}, 3))), false, lengths({chance}));
}
GST_END_TEST

// A start code after a length.
GST_START_TEST(test_start_codes_behind_lengths) {
    Stream s;
    s.push(video_config());
    const Unit both = start_codes({sps, pps, idr});
    check(s.one(video(0, true, lengths({both}))), true, lengths({sps, pps, idr}));
    check(s.one(video(40, false, lengths({start_codes({p_slice}, 3)}))), false, lengths({p_slice}));
}
GST_END_TEST

GST_START_TEST(test_bytes_behind_the_last_unit) {
    for (const char *behind : {"00", "ff", "000000", "00000005 01", "7fffffff 41 41", "00000000"}) {
        Stream s;
        s.push(video_config());
        Unit payload = lengths({idr, second_idr});
        const Unit more = from_hex(behind);
        payload.insert(payload.end(), more.begin(), more.end());
        check(s.one(video(0, true, payload)), true, lengths({idr, second_idr}));
        fail_unless_equals_int(s.notes.size(), 1);
    }
    // A payload without a whole unit leaves nothing.
    Stream s;
    s.push(video_config());
    for (const char *broken : {"00", "00000009 41", "ffffffff", "0000000041"})
        fail_unless(s.push(video(0, false, from_hex(broken))).empty() || from_hex(broken)[3] == 0);
    fail_unless(s.noted("without a whole NAL unit"));
}
GST_END_TEST

GST_START_TEST(test_empty_units) {
    Stream s;
    s.push(video_config());
    check(s.one(video(0, true, lengths({{}, idr, {}, second_idr}))), true,
          lengths({idr, second_idr}));
    check(s.one(video(40, false, lengths({{}, {}, p_slice}))), false, lengths({p_slice}));
    fail_unless(s.push(video(80, false, lengths({{}, {}}))).empty());
    fail_unless(s.noted("empty NAL units"));
}
GST_END_TEST

GST_START_TEST(test_key_flags) {
    Stream s;
    s.push(video_config());
    // Flags that are wrong in either direction.
    check(s.one(video(0, false, lengths({idr}))), true, lengths({idr}));
    for (uint32_t ms = 40; ms < 2000; ms += 40)
        check(s.one(video(ms, true, lengths({p_slice}))), false, lengths({p_slice}));
    // A recovery point makes a keyframe; an SEI message of another kind does not.
    check(s.one(video(2000, false, lengths({recovery_sei, p_slice}))), true,
          lengths({recovery_sei, p_slice}));
    check(s.one(video(2040, true, lengths({user_sei, p_slice}))), false,
          lengths({user_sei, p_slice}));
    fail_unless_equals_int(s.notes.size(), 1);
    fail_unless(s.noted("keyframe flags"));
    // Only the flag in the extended header is changed, not its other bits.
    Stream hevc;
    const Tag mended = hevc.one(extended(2080, true, "hvc1", lengths({hevc_p})));
    check(mended, false, lengths({hevc_p}));
    fail_unless_equals_int(mended.body()[0], 0xA3);
}
GST_END_TEST

// An I frame that is not an IDR frame counts as a keyframe as long as flags have been right, or if
// nothing else comes.
GST_START_TEST(test_intra_pictures) {
    Stream s;
    s.push(video_config());
    s.push(video(0, true, lengths({idr})));
    check(s.one(video(2000, true, lengths({i_slice}))), true, lengths({i_slice}));
    check(s.one(video(4000, false, lengths({i_slice}))), false, lengths({i_slice}));
    check(s.one(video(4040, true, lengths({i_slice, p_slice}))), false,
          lengths({i_slice, p_slice}));
    check(s.one(video(6000, true, lengths({i_slice}))), false, lengths({i_slice}));
    check(s.one(video(12'040, false, lengths({i_slice}))), true, lengths({i_slice}));
}
GST_END_TEST

GST_START_TEST(test_length_size) {
    // Lengths of four bytes with a configuration that says two, and the reverse.
    for (const auto &[said, real] : {std::pair(2u, 4u), {1u, 4u}, {4u, 2u}, {4u, 1u}, {3u, 4u}}) {
        codec::AvcConfig config;
        fail_unless(codec::make_avc_config({sps}, {pps}, config).is_ok());
        config.length_size = uint8_t(said);
        Stream s;
        s.push(config_of(codec::build_avc_config(config)));
        const auto out = s.push(video(0, true, lengths({idr, second_idr}, real)));
        fail_unless_equals_int(out.size(), 2);
        fail_unless_equals_int((payload_of(out[0])[4] & 3) + 1, real);
        check(out[1], true, lengths({idr, second_idr}, real));
        check(s.one(video(40, false, lengths({p_slice}, real))), false, lengths({p_slice}, real));
        fail_unless(s.noted("corrected"));
    }
    // Start codes, and a unit that is too long for the announced length size.
    codec::AvcConfig config;
    fail_unless(codec::make_avc_config({sps}, {pps}, config).is_ok());
    config.length_size = 1;
    Stream s;
    s.push(config_of(codec::build_avc_config(config)));
    check(s.one(video(0, true, start_codes({idr}))), true, lengths({idr}, 1));
    Unit large = p_slice;
    large.resize(300, 0x55);
    const auto out = s.push(video(40, false, start_codes({large})));
    fail_unless_equals_int(out.size(), 2);
    check(out[1], false, lengths({large}));
}
GST_END_TEST

// Each unit in a tag of its own, as simple senders do.
GST_START_TEST(test_unit_per_tag) {
    for (const bool codes : {true, false}) {
        Stream s;
        const auto tag = [&](uint32_t ms, bool flag, const Unit &unit) {
            return video(ms, flag, codes ? start_codes({unit}) : lengths({unit}));
        };
        fail_unless(s.push(tag(0, true, delimiter)).empty());
        fail_unless(s.push(tag(0, true, sps)).empty());
        fail_unless_equals_int(s.push(tag(0, true, pps)).size(), 1); // the configuration
        fail_unless(s.push(tag(0, true, user_sei)).empty());
        check(s.one(tag(0, true, idr)), true, lengths({sps, pps, user_sei, idr}));
        // A further slice of the same frame is no join position.
        check(s.one(tag(0, true, second_idr)), false, lengths({second_idr}));
        check(s.one(tag(40, false, p_slice)), false, lengths({p_slice}));
        fail_unless_equals_int(s.noted("without a picture"), 1);
    }
    // Units for which no frame ever comes do not accumulate.
    Stream s;
    s.push(video_config());
    Unit large = user_sei;
    large.resize(10'000, 0x55);
    for (int i = 0; i < 100; ++i)
        fail_unless(s.push(video(0, false, lengths({large}))).empty());
    fail_unless(s.one(video(40, true, lengths({idr}))).bytes.size() < 70'000);
}
GST_END_TEST

GST_START_TEST(test_configuration) {
    Stream s;
    // An unusable configuration is dropped and reported once.
    for (const char *broken : {"00", "01640020", "0164001fffe1ffff6764", "0164001fffe0", "ffff"})
        fail_unless(s.push(config_of(from_hex(broken))).empty());
    fail_unless_equals_int(s.notes.size(), 1);
    // Parameter sets within frames make a configuration.
    auto out = s.push(video(0, true, lengths({sps, pps, idr})));
    fail_unless_equals_int(out.size(), 2);
    fail_unless(out[0].kind == TagKind::config && payload_of(out[0]) == avc_config());
    const unsigned version = s.normalizer.headers().version;
    // Repetitions change nothing, whether in frames or in front of them.
    fail_unless_equals_int(s.push(video(40, true, lengths({sps, pps, idr}))).size(), 1);
    fail_unless_equals_int(s.push(video_config()).size(), 1);
    fail_unless_equals_int(s.normalizer.headers().version, version);
    // Frames bring another size; the old record, sent again, does not revert it.
    out = s.push(video(80, true, lengths({other_sps, pps, idr})));
    fail_unless_equals_int(out.size(), 2);
    fail_unless(payload_of(out[0]) == avc_config(other_sps));
    fail_unless(s.push(video_config()).empty());
    fail_unless_equals_int(s.push(video(120, true, lengths({other_sps, pps, idr}))).size(), 1);
    fail_unless_equals_int(s.normalizer.headers().version, version + 1);
    // A different record is a new configuration.
    codec::AvcConfig config;
    fail_unless(codec::make_avc_config({sps}, {pps, pps}, config).is_ok());
    fail_unless_equals_int(s.push(config_of(codec::build_avc_config(config))).size(), 1);
    fail_unless_equals_int(s.normalizer.headers().version, version + 2);

    // Start codes in place of the configuration record.
    Stream codes;
    const Tag made = codes.one(config_of(start_codes({sps, pps})));
    fail_unless(made.kind == TagKind::config && payload_of(made) == avc_config());
    // A record without the PPS, which frames contain.
    Stream half;
    fail_unless(codec::make_avc_config({sps}, {pps}, config).is_ok());
    config.pps.clear();
    half.push(config_of(codec::build_avc_config(config)));
    out = half.push(video(0, true, lengths({pps, idr})));
    fail_unless_equals_int(out.size(), 2);
    fail_unless(payload_of(out[0]) == avc_config());
}
GST_END_TEST

static Suite *flv_mender_suite() {
    Suite *s = suite_create("flv_mender");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_healthy_tags_pass_as_they_are);
    tcase_add_test(tc, test_start_codes);
    tcase_add_test(tc, test_lengths_like_start_codes);
    tcase_add_test(tc, test_start_codes_behind_lengths);
    tcase_add_test(tc, test_bytes_behind_the_last_unit);
    tcase_add_test(tc, test_empty_units);
    tcase_add_test(tc, test_key_flags);
    tcase_add_test(tc, test_intra_pictures);
    tcase_add_test(tc, test_length_size);
    tcase_add_test(tc, test_unit_per_tag);
    tcase_add_test(tc, test_configuration);
    return s;
}
GST_CHECK_MAIN(flv_mender)
