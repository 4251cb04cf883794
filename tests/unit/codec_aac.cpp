// SPDX-License-Identifier: LGPL-2.1-or-later
// AAC: AudioSpecificConfig, channel layouts, and ADTS headers.
#include "core/codec/aac.h"
#include "core/codec/bits.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::codec;
using samples::from_hex;

namespace {

AacConfig parsed(const char *hex) {
    AacConfig config;
    const Result result = parse_aac_config(from_hex(hex), config);
    fail_unless(result.is_ok(), "%s: %s", hex, result.reason().c_str());
    return config;
}

void check(const AacConfig &c, int type, int rate, int channels, int output_rate,
           int output_channels, const char *name) {
    fail_unless_equals_int(c.object_type, type);
    fail_unless_equals_int(c.rate, rate);
    fail_unless_equals_int(c.channels, channels);
    fail_unless_equals_int(c.output_rate, output_rate);
    fail_unless_equals_int(c.output_channels, output_channels);
    fail_unless_equals_string(codec_string(c).c_str(), name);
}

} // namespace

GST_START_TEST(test_config) {
    check(parsed("1210"), 2, 44100, 2, 44100, 2, "mp4a.40.2");
    check(parsed("1388"), 2, 22050, 1, 22050, 1, "mp4a.40.2");
    check(parsed("1190"), 2, 48000, 2, 48000, 2, "mp4a.40.2");
    // ffmpeg's encoder appends a sync extension that says "no SBR".
    check(parsed("119056e500"), 2, 48000, 2, 48000, 2, "mp4a.40.2");
    // HE-AAC: explicitly, and by sync extension; v2 explicitly.
    check(parsed("2b920800"), 2, 22050, 2, 44100, 2, "mp4a.40.5");
    check(parsed("139056e5a0"), 2, 22050, 2, 44100, 2, "mp4a.40.5");
    check(parsed("eb8a0800"), 2, 22050, 1, 44100, 2, "mp4a.40.29");
    fail_unless_equals_int(parsed("1210").frame_length, 1024);
    fail_unless_equals_int(parsed("1214").frame_length, 960);
    // 24-bit rate: 2, 15, 0x00AC44, 2 channels.
    check(parsed("178056221000"), 2, 44100, 2, 44100, 2, "mp4a.40.2");

    AacConfig config;
    for (const char *bad : {"", "12", "1f90", "0010", "1278", "17ffffff80", "1780000010"})
        fail_unless(parse_aac_config(from_hex(bad), config).is_error(), "%s", bad);
}
GST_END_TEST

GST_START_TEST(test_program_config) {
    // LC, 48 kHz, layout in a program_config_element: one front pair, no comment.
    BitWriter w;
    w.u(5, 2).u(4, 3).u(4, 0).u(1, 0).u(1, 0).u(1, 0);
    w.u(4, 0).u(2, 1).u(4, 3).u(4, 1).u(4, 0).u(4, 0).u(2, 0).u(3, 0).u(4, 0);
    w.u(3, 0).u(1, 1).u(4, 0);
    std::vector<uint8_t> asc = w.take();
    asc.push_back(0);
    AacConfig config;
    fail_unless(parse_aac_config(asc, config).is_ok());
    fail_unless_equals_int(config.channels, 2);
    // Equals a standard layout, so ADTS can express it.
    fail_unless_equals_int(config.channel_config, 2);
    for (size_t size = 0; size < asc.size(); ++size)
        fail_unless(parse_aac_config(ByteView(asc).first(size), config).is_error(), "%zu", size);
}
GST_END_TEST

GST_START_TEST(test_build) {
    fail_unless(build_aac_config(2, 44100, 2) == from_hex("1210"));
    fail_unless(build_aac_config(2, 22050, 1) == from_hex("1388"));
    AacConfig config;
    fail_unless(parse_aac_config(build_aac_config(2, 12345, 6), config).is_ok());
    fail_unless_equals_int(config.rate, 12345);
    fail_unless_equals_int(config.channels, 6);
}
GST_END_TEST

GST_START_TEST(test_adts) {
    const std::vector<uint8_t> payload(371 - 7, 0x5A);
    std::vector<uint8_t> out = {9};
    fail_unless(append_adts(parsed("1210"), payload, out));
    fail_unless_equals_int(out.size(), 372);
    // Sync, LC at index 4, two channels, 371 bytes.
    fail_unless(std::equal(out.begin() + 1, out.begin() + 8, from_hex("fff150802e7ffc").begin()));

    AdtsHeader header;
    fail_unless(parse_adts(ByteView(out).subspan(1), header).is_ok());
    fail_unless_equals_int(header.frame_size, 371);
    fail_unless_equals_int(header.header_size, 7);
    fail_unless_equals_int(header.config.rate, 44100);
    fail_unless_equals_int(header.config.channels, 2);
    for (size_t size = 0; size < 7; ++size)
        fail_unless(parse_adts(ByteView(out).subspan(1, size), header).needs_more());

    // A frame too large for 13 bits; an object type that ADTS lacks.
    out = {9};
    fail_if(append_adts(parsed("1210"), std::vector<uint8_t>(8185), out));
    fail_unless(append_adts(parsed("1210"), std::vector<uint8_t>(8184), out));
    out = {9};
    AacConfig odd = parsed("1210");
    odd.object_type = 23;
    fail_if(append_adts(odd, payload, out));
    fail_unless_equals_int(out.size(), 1);

    for (const char *bad : {"00f150802e7ffc", "fff750802e7ffc", "fff17c802e7ffc", "fff15080007ffc"})
        fail_unless(parse_adts(from_hex(bad), header).is_error(), "%s", bad);
}
GST_END_TEST

static Suite *codec_aac_suite() {
    Suite *s = suite_create("codec_aac");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_config);
    tcase_add_test(tc, test_program_config);
    tcase_add_test(tc, test_build);
    tcase_add_test(tc, test_adts);
    return s;
}
GST_CHECK_MAIN(codec_aac)
