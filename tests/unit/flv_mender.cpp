// SPDX-License-Identifier: LGPL-2.1-or-later
// Quirks of publishers, with correct variants beside them: the output conforms to the formats.
#include "core/flv/normalizer.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::flv;
using namespace samples;

namespace {

using Unit = std::vector<uint8_t>;

/// Slices of H.264: first_mb_in_slice 0 and slice_type, then bytes that tell nothing.
const Unit idr = from_hex("65 88 84 00 11 22"), p_slice = from_hex("41 9a 21 33 44 55 66"),
           i_slice = from_hex("41 88 80 33 44"), second_idr = from_hex("65 40 11 22"),
           user_sei = from_hex("06 05 04 00 00 03 00 06 80"),
           recovery_sei = from_hex("06 05 02 aa bb 06 01 c4 80"), delimiter = from_hex("09 f0");
/// x265's for 320x180.
const Unit hevc_vps = from_hex("40010c01ffff01600000030090000003000003003c959809"),
           hevc_sps = from_hex("42010101600000030090000003000003003ca00a080b9f796566924caf01680800"
                               "0003000800000300c840"),
           hevc_pps = from_hex("4401c172b46240"), hevc_idr = from_hex("2801af1d62"),
           hevc_cra = from_hex("2a01af1d62"), hevc_p = from_hex("0201d01157"),
           hevc_recovery = from_hex("4e01 06 01 c4 80");

Unit lengths(const std::vector<Unit> &units, unsigned size = 4) {
    Unit out;
    for (const Unit &unit : units) {
        for (unsigned i = size; i-- > 0;)
            out.push_back(uint8_t(unit.size() >> 8 * i));
        out.insert(out.end(), unit.begin(), unit.end());
    }
    return out;
}

Unit start_codes(const std::vector<Unit> &units, unsigned size = 4) {
    Unit out;
    for (const Unit &unit : units) {
        out.insert(out.end(), size - 1, 0);
        out.push_back(1);
        out.insert(out.end(), unit.begin(), unit.end());
    }
    return out;
}

Tag video(uint32_t ms, bool flag, const Unit &payload, uint8_t codec = 7) {
    const uint8_t head[] = {uint8_t((flag ? 0x10 : 0x20) | codec), 1, 0, 0, 0};
    return make_tag(TagType::video, ms, joined({head, payload}));
}

Tag extended(uint32_t ms, bool flag, const char (&codec)[5], const Unit &payload,
             uint8_t type = 3) {
    Writer w;
    w.u8(0x80 | (flag ? 0x10 : 0x20) | type).u32(fourcc(codec)).bytes(payload);
    return make_tag(TagType::video, ms, w.view());
}

Tag config_of(const Unit &record, uint8_t codec = 7) {
    const uint8_t head[] = {uint8_t(0x10 | codec), 0, 0, 0, 0};
    return make_tag(TagType::video, 0, joined({head, record}));
}

Tag audio(uint32_t ms, const Unit &payload, uint8_t type = 1) {
    const uint8_t head[] = {0xAF, type};
    return make_tag(TagType::audio, ms, joined({head, payload}));
}

/// ADTS of AAC-LC, 44.1 kHz, stereo unless told.
Unit adts(const Unit &raw, unsigned rate = 44100, uint8_t channels = 2) {
    codec::AacConfig config;
    config.rate = rate;
    config.channel_config = channels;
    Unit out;
    fail_unless(codec::append_adts(config, raw, out));
    return out;
}

struct Stream {
    /// What becomes of a tag; each also passes through a second normalizer, which has nothing to
    /// do.
    std::vector<Tag> push(const Tag &tag) {
        std::vector<Tag> out;
        normalizer.take(Tag(tag), out);
        for (std::string &note : normalizer.take_notes())
            notes.push_back(std::move(note));
        for (const Tag &each : out) {
            std::vector<Tag> again;
            fail_unless(behind.push(each.bytes, again).is_ok());
            fail_unless(again.size() == 1 && again[0].kind == each.kind);
            fail_unless(again[0].bytes.data() == each.bytes.data(), "mended twice");
        }
        return out;
    }
    /// The one tag that becomes of it.
    Tag one(const Tag &tag) {
        const auto out = push(tag);
        fail_unless_equals_int(out.size(), 1);
        return out.at(0);
    }
    bool noted(std::string_view text) const {
        return std::any_of(notes.begin(), notes.end(), [&](const std::string &note) {
            return note.find(text) != std::string::npos;
        });
    }
    Normalizer normalizer, behind;
    std::vector<std::string> notes;
};

Unit payload_of(const Tag &tag) {
    const auto header = parse_body(tag.type, tag.body());
    fail_unless(header.has_value());
    const ByteView view = tag.body_view().subspan(header->payload, header->payload_size);
    return Unit(view.begin(), view.end());
}

bool flag_of(const Tag &tag) {
    return parse_body(tag.type, tag.body())->keyframe;
}

void check(const Tag &tag, bool key, const Unit &payload) {
    fail_unless(tag.kind == (key ? TagKind::keyframe : TagKind::frame));
    fail_unless_equals_int(flag_of(tag), key);
    fail_unless(payload_of(tag) == payload);
}

} // namespace

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
    // And the other way round: a frame that lengths go through by chance.
    Stream s;
    s.push(video_config());
    s.push(video(0, true, start_codes({idr}, 4)));
    Unit chance = p_slice;
    chance.resize(0x141 + 2, 0x55);
    check(s.one(video(40, false, start_codes({chance}, 3))), false, lengths({chance}));
}
GST_END_TEST

// A start code behind a length.
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
    // Without a whole unit there is nothing left.
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
    // Wrong in either direction.
    check(s.one(video(0, false, lengths({idr}))), true, lengths({idr}));
    for (uint32_t ms = 40; ms < 2000; ms += 40)
        check(s.one(video(ms, true, lengths({p_slice}))), false, lengths({p_slice}));
    // A recovery point, not an SEI of another kind.
    check(s.one(video(2000, false, lengths({recovery_sei, p_slice}))), true,
          lengths({recovery_sei, p_slice}));
    check(s.one(video(2040, true, lengths({user_sei, p_slice}))), false,
          lengths({user_sei, p_slice}));
    fail_unless_equals_int(s.notes.size(), 1);
    fail_unless(s.noted("keyframe flags"));
    // The extended header and its other bits.
    Stream hevc;
    const Tag mended = hevc.one(extended(2080, true, "hvc1", lengths({hevc_p})));
    check(mended, false, lengths({hevc_p}));
    fail_unless_equals_int(mended.body()[0], 0xA3);
}
GST_END_TEST

// An I picture that is no IDR picture: to be begun with as long as flags told the truth, or where
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
    // Frames with lengths of four bytes, and a configuration that says two; and the other way.
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
    // Start codes, and a unit that is too long for the length that was said.
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
        // The picture's other slice is no place to join.
        check(s.one(tag(0, true, second_idr)), false, lengths({second_idr}));
        check(s.one(tag(40, false, p_slice)), false, lengths({p_slice}));
        fail_unless_equals_int(s.noted("without a picture"), 1);
    }
    // What never gets a picture does not pile up.
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
    // Nothing that can be used: left out, and told once.
    for (const char *broken : {"00", "01640020", "0164001fffe1ffff6764", "0164001fffe0", "ffff"})
        fail_unless(s.push(config_of(from_hex(broken))).empty());
    fail_unless_equals_int(s.notes.size(), 1);
    // What frames bring does.
    auto out = s.push(video(0, true, lengths({sps, pps, idr})));
    fail_unless_equals_int(out.size(), 2);
    fail_unless(out[0].kind == TagKind::config && payload_of(out[0]) == avc_config());
    const unsigned version = s.normalizer.headers().version;
    // The same again is no change, in frames or in front of them.
    fail_unless_equals_int(s.push(video(40, true, lengths({sps, pps, idr}))).size(), 1);
    fail_unless_equals_int(s.push(video_config()).size(), 1);
    fail_unless_equals_int(s.normalizer.headers().version, version);
    // Another size in the frames; the record that goes on as before does not take it back.
    out = s.push(video(80, true, lengths({other_sps, pps, idr})));
    fail_unless_equals_int(out.size(), 2);
    fail_unless(payload_of(out[0]) == avc_config(other_sps));
    fail_unless(s.push(video_config()).empty());
    fail_unless_equals_int(s.push(video(120, true, lengths({other_sps, pps, idr}))).size(), 1);
    fail_unless_equals_int(s.normalizer.headers().version, version + 1);
    // Another record does.
    codec::AvcConfig config;
    fail_unless(codec::make_avc_config({sps}, {pps, pps}, config).is_ok());
    fail_unless_equals_int(s.push(config_of(codec::build_avc_config(config))).size(), 1);
    fail_unless_equals_int(s.normalizer.headers().version, version + 2);

    // Start codes where the record should be.
    Stream codes;
    const Tag made = codes.one(config_of(start_codes({sps, pps})));
    fail_unless(made.kind == TagKind::config && payload_of(made) == avc_config());
    // A record without a PPS, which the frames have.
    Stream half;
    fail_unless(codec::make_avc_config({sps}, {pps}, config).is_ok());
    config.pps.clear();
    half.push(config_of(codec::build_avc_config(config)));
    out = half.push(video(0, true, lengths({pps, idr})));
    fail_unless_equals_int(out.size(), 2);
    fail_unless(payload_of(out[0]) == avc_config());
}
GST_END_TEST

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
        // As ffmpeg writes it into MP4, apart from its own SEI.
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
        // Nothing to begin with for long: the flag is all there is.
        check(s.one(tag(10'119, true, lengths({hevc_p}))), false, lengths({hevc_p}));
        check(s.one(tag(10'120, true, lengths({hevc_p}))), true, lengths({hevc_p}));
    }
    // Its record, whole and broken.
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
    // AV1: a temporal delimiter, a sequence header, a frame: shown key, inter, intra only.
    fail_unless(key("av01", "1200 0a03 000000 3202 1000"));
    fail_unless(key("av01", "3202 1000"));
    fail_if(key("av01", "3202 3000"));
    fail_if(key("av01", "3202 5000"));
    // A key frame that is not shown counts behind a sequence header; showing an earlier one never.
    fail_unless(key("av01", "0a03 000000 3202 0000 3202 3000"));
    fail_if(key("av01", "3202 0000 3202 3000"));
    fail_if(key("av01", "1a01 80"));
    // VP9 of profile 0 and 3, VP8.
    fail_unless(key("vp09", "8249") && !key("vp09", "8649") && !key("vp09", "8849"));
    fail_unless(key("vp09", "b049") && !key("vp09", "b249"));
    fail_unless(key("vp08", "109d019d012a") && !key("vp08", "119d01"));
    // H.266, behind a composition time.
    fail_unless(key("vvc1", "000000 00000004 00411122"));
    fail_if(key("vvc1", "000000 00000004 00091122"));
    // What can't be read keeps its flag.
    fail_unless(s.one(extended(0, true, "av01", from_hex("ff"), 1)).kind == TagKind::keyframe);
    fail_unless(s.one(extended(0, false, "av01", from_hex("ff"), 1)).kind == TagKind::frame);
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
        // Several frames in a tag: each gets its own time.
        Unit two = adts(raw), second = adts(from_hex("2111"));
        two.insert(two.end(), second.begin(), second.end());
        two.push_back(0); // and a byte behind them
        out = s.push(audio(23, two));
        fail_unless_equals_int(out.size(), 2);
        fail_unless_equals_int(out[0].timestamp, 23);
        fail_unless_equals_int(out[1].timestamp, 46);
        fail_unless(payload_of(out[0]) == raw && payload_of(out[1]) == from_hex("2111"));
        // Another rate is another configuration.
        out = s.push(audio(70, adts(raw, 48000, 1)));
        fail_unless_equals_int(out.size(), 2);
        fail_unless(payload_of(out[0]) == from_hex("1188"));
        fail_unless(s.noted("ADTS headers: taken off"));
    }
    // What ADTS can't say of HE-AAC stays.
    Stream he;
    he.push(audio(0, from_hex("2b8a0800"), 0)); // SBR: 22.05 to 44.1 kHz, mono
    fail_unless_equals_int(he.push(audio(0, adts(raw, 22050, 1))).size(), 1);
    // A header in the place of the configuration.
    Stream header;
    const Tag config = header.one(audio(0, adts({}), 0));
    fail_unless(config.kind == TagKind::config && payload_of(config) == from_hex("1210"));
    // Broken ones, and a layout that only the frames know.
    Stream broken;
    Unit cut = adts(raw);
    cut.pop_back();
    fail_unless(broken.push(audio(0, cut)).empty());
    fail_unless(broken.push(audio(0, adts(raw, 44100, 0))).empty());
    fail_unless(broken.noted("broken ADTS"));
}
GST_END_TEST

GST_START_TEST(test_aac_configuration) {
    Stream s;
    for (const char *broken : {"12", "0000", "1690", "1710"})
        fail_unless(s.push(audio(0, from_hex(broken), 0)).empty());
    fail_unless_equals_int(s.notes.size(), 1);
    s.one(audio(0, from_hex("2110")));
    fail_unless(s.noted("AAC without a configuration"));
    // USAC is no AAC to us, but may be to a player.
    s.one(audio(0, from_hex("f95019"), 0));
    fail_unless(s.normalizer.headers().audio_config.has_value());
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
    tcase_add_test(tc, test_hevc);
    tcase_add_test(tc, test_other_codecs);
    tcase_add_test(tc, test_adts);
    tcase_add_test(tc, test_aac_configuration);
    return s;
}
GST_CHECK_MAIN(flv_mender)
