// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame headers of MPEG audio.
#include "core/codec/mpeg_audio.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::codec;
using samples::from_hex;

GST_START_TEST(test_headers) {
    struct {
        const char *hex;
        unsigned version, layer, rate, channels, bitrate;
        size_t size;
        unsigned samples;
    } const known[] = {
        {"fffb9064", 1, 3, 44100, 2, 128'000, 417, 1152}, // lame, joint stereo
        {"fffb9264", 1, 3, 44100, 2, 128'000, 418, 1152}, // padded
        {"fffbb4c4", 1, 3, 48000, 1, 192'000, 576, 1152},
        {"fff384c4", 2, 3, 24000, 1, 64'000, 192, 576},
        {"ffe318c4", 2, 3, 8000, 1, 8'000, 72, 576}, // MPEG-2.5
        {"fffda404", 1, 2, 48000, 2, 192'000, 576, 1152},
        {"fffff404", 0, 0, 0, 0, 0, 0, 0},
        {"ffff2404", 1, 1, 48000, 2, 64'000, 64, 384},
        {"fffb0064", 1, 3, 44100, 2, 0, 0, 1152}, // free format
    };
    for (const auto &k : known) {
        MpegAudioHeader header;
        const Result result = parse_mpeg_audio(from_hex(k.hex), header);
        fail_unless_equals_int(result.is_ok(), k.version != 0);
        if (!k.version) continue;
        fail_unless_equals_int(header.version, k.version);
        fail_unless_equals_int(header.layer, k.layer);
        fail_unless_equals_int(header.rate, k.rate);
        fail_unless_equals_int(header.channels, k.channels);
        fail_unless_equals_int(header.bitrate, k.bitrate);
        fail_unless(header.frame_size == k.size, "%s: %zu", k.hex, header.frame_size);
        fail_unless_equals_int(header.frame_samples, k.samples);
    }
}
GST_END_TEST

GST_START_TEST(test_broken) {
    MpegAudioHeader header;
    for (const char *bad : {"ff1b9064", "00000000", "ffeb9064", "fff99064", "fffbf064", "fffb9c64"})
        fail_unless(parse_mpeg_audio(from_hex(bad), header).is_error(), "%s", bad);
    for (const char *few : {"", "ff", "fffb90"})
        fail_unless(parse_mpeg_audio(from_hex(few), header).needs_more(), "%s", few);
}
GST_END_TEST

static Suite *codec_mpeg_audio_suite() {
    Suite *s = suite_create("codec_mpeg_audio");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_headers);
    tcase_add_test(tc, test_broken);
    return s;
}
GST_CHECK_MAIN(codec_mpeg_audio)
