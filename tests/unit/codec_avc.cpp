// SPDX-License-Identifier: LGPL-2.1-or-later
// H.264: configuration records, parameter sets, reordering, and Annex B.
#include "core/codec/avc.h"
#include "core/codec/bits.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::codec;
using samples::from_hex;

namespace {

// Parameter sets written by ffmpeg's libx264.
const auto record_180p = from_hex("0164000cffe1001a6764000cacd941419f9f01100000030010000003"
                                  "0320f14299600100 0668ebe3cb22c0fdf8f800");
const auto sps_720p = from_hex("6764001facb200a00b74200000030020000007 81e3064901");
const auto sps_android = from_hex("67640028acb403c0113f2ca40404041b4284d401");
const auto sps_interlaced = from_hex("67640028acd94078044fde1c2000007d20001d4c03e2c5b2c0");
const auto sps_odd = from_hex("6742c00dd901519e226c0440000003004000000f03c50a9201"); // with a zero
const auto sps_444 = from_hex("67f4000a90d9b28e4f1b1f80880000030008000003 01e078912cb0");

AvcSps parsed(const std::vector<uint8_t> &nal) {
    AvcSps sps;
    const Result result = parse_avc_sps(nal, sps);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return sps;
}

void check_size(const AvcSps &sps, unsigned width, unsigned height) {
    fail_unless_equals_int(sps.width, width);
    fail_unless(sps.coded_width >= width && sps.coded_width - width < 16);
    fail_unless(sps.coded_height >= height && sps.coded_height - height < 32);
    fail_unless_equals_int(sps.height, height);
}

} // namespace

GST_START_TEST(test_record) {
    AvcConfig config;
    fail_unless(parse_avc_config(record_180p, config).is_ok());
    fail_unless_equals_int(config.profile, 100);
    fail_unless_equals_int(config.level, 12);
    fail_unless_equals_int(config.length_size, 4);
    fail_unless_equals_int(config.sps.size(), 1);
    fail_unless_equals_int(config.pps.size(), 1);
    fail_unless(config.sps[0] == samples::sps && config.pps[0] == samples::pps);
    fail_unless(build_avc_config(config) == record_180p);
    fail_unless_equals_string(codec_string(config).c_str(), "avc1.64000c");
    fail_unless(samples::avc_config() == record_180p);

    // A record without the fields of High profiles, as Android writes it; cut anywhere before them
    // it is an error.
    const size_t tail = 4;
    for (size_t size = 0; size <= record_180p.size(); ++size) {
        AvcConfig cut;
        const bool ok = parse_avc_config(ByteView(record_180p).first(size), cut).is_ok();
        fail_unless(ok == (size >= record_180p.size() - tail), "%zu bytes", size);
    }
    auto broken = record_180p;
    broken[0] = 2;
    fail_unless(parse_avc_config(broken, config).is_error());
    fail_unless(parse_avc_config(from_hex("0164000cffe000"), config).is_error());
}
GST_END_TEST

GST_START_TEST(test_sps) {
    AvcSps sps = parsed(samples::sps);
    check_size(sps, 320, 180);
    fail_unless_equals_int(sps.fps_num, 25);
    fail_unless_equals_int(sps.fps_den, 1);
    fail_if(sps.interlaced);

    sps = parsed(sps_720p);
    check_size(sps, 1280, 720);
    fail_unless_equals_int(sps.fps_num, 30);

    check_size(parsed(sps_android), 1920, 1080);

    sps = parsed(sps_interlaced);
    check_size(sps, 1920, 1080);
    fail_unless_equals_int(sps.fps_num, 30000);
    fail_unless_equals_int(sps.fps_den, 1001);
    fail_unless_equals_int(sps.par_num, 4);
    fail_unless_equals_int(sps.par_den, 3);
    fail_unless(sps.interlaced);

    sps = parsed(sps_odd);
    check_size(sps, 322, 182);
    fail_unless_equals_int(sps.fps_num, 30);

    // Scaling lists, 4:4:4 and ten bits.
    sps = parsed(sps_444);
    check_size(sps, 100, 50);
    fail_unless_equals_int(sps.chroma_format, 3);
    fail_unless_equals_int(sps.bit_depth, 10);
}
GST_END_TEST

GST_START_TEST(test_reordered_frames) {
    const auto reordered = [](const char *sps) { return parsed(from_hex(sps)).reorder_frames; };
    // As libx264 writes them: without B-frames, with them, and with them after HRD parameters.
    fail_unless_equals_int(reordered("6764000cacb202833f3e0220000003002000000641e28549"), 0);
    fail_unless_equals_int(reordered("6764000cacd941419f9f011000000300100000030320f1429960"), 2);
    fail_unless_equals_int(
        reordered("6764000cacd941419f9f0110000003001000000303260200124f000493f930"
                  "c01e28532c"),
        2);
    // Without a VUI the limit is the number of reference frames; Baseline has no reordering.
    const auto plain = [](uint8_t profile, unsigned order_type) {
        BitWriter w;
        const auto ue = [&w](unsigned value) { // 9.1
            unsigned length = 0;
            while ((value + 1) >> (length + 1))
                ++length;
            w.u(length, 0).u(length + 1, value + 1);
        };
        w.u(8, 0x67);
        w.u(8, profile);
        w.u(8, 0);
        w.u(8, 30);
        ue(0); // id
        ue(0); // frame numbers
        ue(order_type);
        if (order_type == 0) ue(0);
        ue(4); // reference frames
        w.u(1, 0);
        ue(19);
        ue(11);
        w.u(5, 0b11001); // frames only, 8x8, no cropping, no VUI, stop bit
        return w.take();
    };
    AvcSps sps;
    fail_unless(parse_avc_sps(plain(77, 0), sps).is_ok());
    fail_unless_equals_int(sps.width, 320);
    fail_unless_equals_int(sps.reorder_frames, 4);
    fail_unless(parse_avc_sps(plain(77, 2), sps).is_ok());
    fail_unless_equals_int(sps.reorder_frames, 0);
    fail_unless(parse_avc_sps(plain(66, 0), sps).is_ok());
    fail_unless_equals_int(sps.reorder_frames, 0);
}
GST_END_TEST

GST_START_TEST(test_broken_sps) {
    AvcSps sps;
    fail_unless(parse_avc_sps({}, sps).is_error());
    fail_unless(parse_avc_sps(samples::pps, sps).is_error());
    // An SPS that is cut inside the VUI still has its size; one cut earlier has nothing.
    bool was_ok = false;
    for (size_t size = 0; size <= samples::sps.size(); ++size) {
        const bool ok = parse_avc_sps(ByteView(samples::sps).first(size), sps).is_ok();
        fail_unless(ok || !was_ok, "%zu bytes", size);
        if (ok) check_size(sps, 320, 180);
        was_ok = ok;
    }
    fail_unless(was_ok);
    fail_unless(parse_avc_sps(ByteView(samples::sps).first(8), sps).is_error());
    for (uint8_t fill : {0x00, 0x01, 0x55, 0x7F, 0xAA, 0xFF}) {
        std::vector<uint8_t> nal(64, fill);
        nal[0] = 0x67;
        if (parse_avc_sps(nal, sps).is_ok())
            fail_unless(sps.width > 0 && sps.width <= 16384 && sps.height > 0);
    }
    std::vector<uint8_t> huge(5000, 0x55);
    huge[0] = 0x67;
    fail_unless(parse_avc_sps(huge, sps).is_error());
    // An SPS with single bits flipped: never a crash, never an absurd size.
    for (size_t bit = 8; bit < samples::sps.size() * 8; ++bit) {
        auto nal = samples::sps;
        nal[bit / 8] ^= uint8_t(0x80 >> bit % 8);
        if (parse_avc_sps(nal, sps).is_ok())
            fail_unless(sps.width > 0 && sps.width <= 16384 && sps.height > 0 &&
                        sps.height <= 16384);
    }
}
GST_END_TEST

GST_START_TEST(test_annexb) {
    AvcConfig config;
    fail_unless(parse_avc_config(record_180p, config).is_ok());
    // The access unit has an AUD of its own, SEI and IDR.
    const auto sample = from_hex("00000002 09f0 00000003 0605ff 00000004 65112233");
    std::vector<uint8_t> out = {0xEE};
    fail_unless(append_annexb(config, sample, true, out).is_ok());
    auto expected = from_hex("ee 00000001 09f0 00000001");
    expected.insert(expected.end(), samples::sps.begin(), samples::sps.end());
    for (uint8_t byte : {0, 0, 0, 1})
        expected.push_back(byte);
    expected.insert(expected.end(), samples::pps.begin(), samples::pps.end());
    for (uint8_t byte : from_hex("000001 0605ff 000001 65112233"))
        expected.push_back(byte);
    fail_unless(out == expected);

    out.clear();
    fail_unless(append_annexb(config, from_hex("00000002 41aa"), false, out).is_ok());
    fail_unless(out == from_hex("00000001 09f0 000001 41aa"));

    // An SPS that is already in the access unit is not doubled.
    out.clear();
    fail_unless(append_annexb(config, from_hex("00000002 6711 00000002 65aa"), true, out).is_ok());
    fail_unless(out == from_hex("00000001 09f0 00000001 6711 000001 65aa"));

    // A length that exceeds the sample: nothing is appended.
    out = {7};
    for (const char *bad : {"00000005 65aa", "000001", "ffffffff 65", "00000001 65 00000002 41"}) {
        fail_unless(append_annexb(config, from_hex(bad), true, out).is_error(), "%s", bad);
        fail_unless(out == std::vector<uint8_t>{7});
    }
    config.length_size = 2;
    out.clear();
    fail_unless(append_annexb(config, from_hex("0002 41aa 0000 0001 06"), false, out).is_ok());
    fail_unless(out == from_hex("00000001 09f0 000001 41aa 000001 06"));
}
GST_END_TEST

GST_START_TEST(test_annexb_reader) {
    const auto stream =
        from_hex("ff 00 000001 67aa 00000001 68bb 000001 000001 65cc00 0000 000001");
    AnnexBReader reader(stream);
    std::vector<std::vector<uint8_t>> nals;
    for (ByteView nal; reader.next(nal);)
        nals.emplace_back(nal.begin(), nal.end());
    fail_unless_equals_int(nals.size(), 3);
    fail_unless(nals[0] == from_hex("67aa") && nals[1] == from_hex("68bb") &&
                nals[2] == from_hex("65cc"));
    std::vector<uint8_t> avcc;
    append_avcc(from_hex("00000001 09f0 00000001 65aabb"), avcc);
    fail_unless(avcc == from_hex("00000003 65aabb"));
    for (const char *none : {"", "00", "0000", "000001", "00000000", "aabbcc"}) {
        const auto bytes = from_hex(none);
        ByteView nal;
        fail_if(AnnexBReader(bytes).next(nal), "%s", none);
    }
}
GST_END_TEST

GST_START_TEST(test_bits) {
    const auto bytes = from_hex("a6426cff"); // 1 010 011 00100 00100 1101 1001 …
    BitReader r(bytes);
    fail_unless_equals_int(r.ue(), 0);
    fail_unless_equals_int(r.ue(), 1);
    fail_unless_equals_int(r.ue(), 2);
    fail_unless_equals_int(r.ue(), 3);
    fail_unless_equals_int(r.se(), 2);
    r.skip(r.remaining());
    fail_if(r.failed());
    fail_unless_equals_int(r.u(1), 0);
    fail_unless(r.failed());
    const std::vector<uint8_t> zeros(16);
    BitReader endless(zeros);
    fail_unless_equals_int(endless.ue(), 0);
    fail_unless(endless.failed());
}
GST_END_TEST

static Suite *codec_avc_suite() {
    Suite *s = suite_create("codec_avc");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_record);
    tcase_add_test(tc, test_sps);
    tcase_add_test(tc, test_reordered_frames);
    tcase_add_test(tc, test_broken_sps);
    tcase_add_test(tc, test_annexb);
    tcase_add_test(tc, test_annexb_reader);
    tcase_add_test(tc, test_bits);
    return s;
}
GST_CHECK_MAIN(codec_avc)
