// SPDX-License-Identifier: LGPL-2.1-or-later
// FLV tags: framing, and the headers of legacy and enhanced bodies.
#include "core/flv/tag.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::flv;
using samples::from_hex;

namespace {

TagKind video(const char *hex) {
    return classify(TagType::video, from_hex(hex));
}
TagKind audio(const char *hex) {
    return classify(TagType::audio, from_hex(hex));
}

} // namespace

GST_START_TEST(test_framing) {
    const auto body = from_hex("af01112233");
    const Tag tag = make_tag(TagType::audio, 0x12345678, body);
    const auto golden = from_hex("08 000005 345678 12 000000 af01112233 00000010");
    fail_unless(std::equal(golden.begin(), golden.end(), tag.bytes.begin(), tag.bytes.end()));
    fail_unless(tag.kind == TagKind::audio && tag.type == TagType::audio);
    fail_unless(std::equal(body.begin(), body.end(), tag.body().begin(), tag.body().end()));

    std::vector<uint8_t> framed(header_size + 2 + trailer_size, 0xEE);
    const uint8_t *memory = framed.data();
    const Tag taken = frame_tag(TagType::video, 7, std::move(framed));
    fail_unless(taken.bytes.data() == memory, "the memory was copied");

    const auto head = from_hex("464c5601 05 00000009 00000000");
    const Bytes made = file_header(true, true);
    fail_unless(std::equal(head.begin(), head.end(), made.begin(), made.end()));
    fail_unless_equals_int(file_header(true, false)[4], 4);
    fail_unless_equals_int(file_header(false, true)[4], 1);
}
GST_END_TEST

GST_START_TEST(test_legacy) {
    fail_unless(video("1700000000 0164") == TagKind::config);
    fail_unless(video("1701000000 00") == TagKind::keyframe);
    fail_unless(video("2701000000 00") == TagKind::frame);
    fail_unless(video("1702000000") == TagKind::other); // end of sequence
    fail_unless(video("1700000000") == TagKind::other); // nothing in it
    fail_unless(video("1701000000") == TagKind::other);
    fail_unless(video("1709000000 00") == TagKind::other); // no such packet type
    fail_unless(video("5700") == TagKind::other);          // command frame
    fail_unless(video("12aabb") == TagKind::keyframe);     // Sorenson
    fail_unless(video("22aabb") == TagKind::frame);
    fail_unless(video("") == TagKind::other);
    fail_unless(video("17") == TagKind::other);
    fail_unless(audio("af001210") == TagKind::config);
    fail_unless(audio("af0121") == TagKind::audio);
    fail_unless(audio("af00") == TagKind::other);
    fail_unless(audio("af01") == TagKind::other);
    fail_unless(audio("2fff") == TagKind::audio); // MP3
    fail_unless(audio("") == TagKind::other);

    const auto header = parse_body(TagType::video, from_hex("2701ffffd8 0011"));
    fail_unless(header && header->composition_time == -40 && header->payload == 5);
    fail_unless(header->codec == fourcc("avc1") && !header->keyframe);
    fail_unless_equals_int(header->payload_size, 2);
}
GST_END_TEST

GST_START_TEST(test_extended) {
    // Frame type 1, sequence start, "hvc1".
    fail_unless(video("90 68766331 0101") == TagKind::config);
    fail_unless(video("91 68766331 000050 aa") == TagKind::keyframe);
    fail_unless(video("a1 68766331 000050 aa") == TagKind::frame);
    fail_unless(video("93 61766331 aa") == TagKind::keyframe); // CodedFramesX
    fail_unless(video("92 68766331") == TagKind::other);       // end
    fail_unless(video("94 68766331 0200") == TagKind::config); // HDR metadata
    fail_unless(video("d4 68766331 0200") == TagKind::config);
    fail_unless(video("95 61763031 0200") == TagKind::other);  // MPEG-2 TS sequence start
    fail_unless(video("d1 00") == TagKind::other);             // command
    fail_unless(video("91 6876") == TagKind::other);           // cut
    fail_unless(audio("90 4f707573 4f70") == TagKind::config); // Opus
    fail_unless(audio("91 4f707573 aa") == TagKind::audio);
    fail_unless(audio("94 4f707573 0102") == TagKind::config); // channel layout
    fail_unless(audio("92 4f707573") == TagKind::other);
    fail_unless(audio("90 4f707573") == TagKind::config); // empty: legal for Opus, AC-3
    fail_unless(audio("90 61632d33") == TagKind::config);
    fail_unless(audio("90 6d703461") == TagKind::other);

    auto header = parse_body(TagType::video, from_hex("91 68766331 000050 aabb"));
    fail_unless(header && header->codec == fourcc("hvc1") && header->composition_time == 80);
    fail_unless(header->payload == 8 && header->payload_size == 2);
    // AV1 has no composition time.
    header = parse_body(TagType::video, from_hex("91 61763031 000050 aa"));
    fail_unless(header && header->composition_time == 0 && header->payload == 5);

    // ModEx: three bytes of nanoseconds, then coded frames.
    header = parse_body(TagType::video, from_hex("97 02 00 03 e8 01 61763031 aa"));
    fail_unless(header && header->nanoseconds == 1000 && header->packet == PacketType::frame);
    fail_unless(header->payload_size == 1 && header->keyframe);

    // Multitrack, one track, coded frames, "avc1", track 0 and track 1.
    fail_unless(video("96 01 61766331 00 000000 aa") == TagKind::keyframe);
    fail_unless(video("96 01 61766331 01 000000 aa") == TagKind::frame);
    fail_unless(video("96 00 61766331 01 0164") == TagKind::config);
    // ManyTracks: 2 bytes of track 3.
    header = parse_body(TagType::audio, from_hex("95 11 4f707573 03 000002 aabb 04 000001 cc"));
    fail_unless(header && header->multitrack && header->track == 3);
    fail_unless(header->payload_size == 2);
    // A track whose length exceeds the tag.
    fail_if(parse_body(TagType::audio, from_hex("95 11 4f707573 03 0000ff aabb")));
}
GST_END_TEST

GST_START_TEST(test_script) {
    fail_unless(samples::metadata().kind == TagKind::metadata);
    Writer w;
    w.u8(2).u16(13).text("@setDataFrame").u8(2).u16(10).text("onMetaData").u8(5);
    fail_unless(classify(TagType::script, w.view()) == TagKind::metadata);
    fail_unless(classify(TagType::script, from_hex("02000a6f6e")) == TagKind::other);
    fail_unless(classify(TagType::script, {}) == TagKind::other);
    Writer cue;
    cue.u8(2).u16(10).text("onCuePoint");
    fail_unless(classify(TagType::script, cue.view()) == TagKind::other);
}
GST_END_TEST

GST_START_TEST(test_starts_gop) {
    fail_unless(starts_gop(samples::video_frame(0, true), true));
    fail_if(starts_gop(samples::video_frame(0, false), true));
    fail_if(starts_gop(samples::audio_frame(0), true));
    fail_unless(starts_gop(samples::audio_frame(0), false));
    fail_if(starts_gop(samples::audio_config(0), false));
}
GST_END_TEST

static Suite *flv_tag_suite() {
    Suite *s = suite_create("flv_tag");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_framing);
    tcase_add_test(tc, test_legacy);
    tcase_add_test(tc, test_extended);
    tcase_add_test(tc, test_script);
    tcase_add_test(tc, test_starts_gop);
    return s;
}
GST_CHECK_MAIN(flv_tag)
