// SPDX-License-Identifier: LGPL-2.1-or-later
// flvlivedemux: what each codec's configuration and frames become, and codecs that it leaves out.
#include "elements/flvlivedemux_rig.hpp"

using namespace demux_test;

GST_START_TEST(test_broken_sps) {
    Rig rig;
    auto broken = sps;
    broken.resize(6);
    rig.push(video_config(0, broken));
    fail_unless(rig.video.pad);
    rig.push(video_frame(0, true));
    fail_unless_equals_int(int_of(rig.video.caps(), "width"), -1);
    fail_unless(
        gst_structure_has_field(gst_caps_get_structure(rig.video.caps().get(), 0), "codec_data"));
    // Not even a configuration record: a single warning, and no pad.
    Rig other;
    for (int i = 0; i < 3; ++i)
        other.push(flv::make_tag(flv::TagType::video, 0, from_hex("1700000000 ffff")));
    fail_if(other.video.pad);
    fail_unless_equals_int(other.messages(GST_MESSAGE_WARNING), 1);
    fail_unless_equals_int(other.push(video_frame(0, true)), GST_FLOW_OK);
    fail_unless_equals_int(other.messages(GST_MESSAGE_ERROR), 0);
}
GST_END_TEST

// Warnings name unsupported codecs by their usual names and suggest a remedy.
GST_START_TEST(test_codecs_that_are_left_out) {
    Rig rig;
    rig.push(video_config());
    rig.push(video_frame(0, true));
    rig.push(flv::make_tag(flv::TagType::video, 0, from_hex("14 aabb")));
    fail_unless_equals_string(
        rig.text_of(GST_MESSAGE_WARNING).c_str(),
        "The stream's video is VP6, which can't be taken out of FLV here: let the publisher send "
        "H.264.");
    Rig second;
    second.push(flv::make_tag(flv::TagType::audio, 0, from_hex("91 61616161 01")));
    fail_unless_equals_string(second.text_of(GST_MESSAGE_WARNING).c_str(),
                              "The stream's audio is of the unknown codec 'aaaa', which can't be "
                              "taken out of FLV here: let the publisher send AAC or MP3.");
}
GST_END_TEST

// Audio without configuration, whose frames describe themselves.
GST_START_TEST(test_self_describing_audio) {
    struct {
        const char *body;
        const char *caps;
        size_t header;
    } const kinds[] = {
        {"2f fffb9064 00112233",
         "audio/mpeg,mpegversion=1,layer=3,rate=44100,channels=2,parsed=true", 1},
        {"72 d5d5d5d5", "audio/x-alaw,rate=8000,channels=1", 1},
        {"83 ffffffff", "audio/x-mulaw,rate=8000,channels=2", 1},
        {"b6 07", "audio/x-speex,rate=16000,channels=1", 1},
        {"91 2e6d7033 fff384c4", "audio/mpeg,mpegversion=1,layer=3,rate=24000,channels=1", 5},
    };
    for (const auto &kind : kinds) {
        Rig rig;
        const auto body = from_hex(kind.body);
        for (uint32_t i = 0; i < 3; ++i)
            rig.push(flv::make_tag(flv::TagType::audio, i * 26, body));
        fail_unless_equals_int(rig.audio.buffers.size(), 3);
        const auto wanted = GstPtr<GstCaps>::adopt(gst_caps_from_string(kind.caps));
        fail_unless(rig.audio.caps() && gst_caps_is_subset(rig.audio.caps().get(), wanted.get()),
                    "%s: %" GST_PTR_FORMAT, kind.caps, rig.audio.caps().get());
        fail_unless_equals_int(gst_buffer_get_size(rig.audio.buffers[0].get()),
                               body.size() - kind.header);
        fail_unless_equals_int(rig.audio.count(GST_EVENT_CAPS), 1);
        fail_unless_equals_int(rig.messages(GST_MESSAGE_WARNING), 0);
    }
    // Another rate, then AAC, then MP3 again, on the same pad.
    Rig rig;
    rig.push(flv::make_tag(flv::TagType::audio, 0, from_hex("2f fffb9064")));
    rig.push(flv::make_tag(flv::TagType::audio, 26, from_hex("2f fffb94c4")));
    rig.push(audio_config());
    rig.push(audio_frame(52));
    rig.push(flv::make_tag(flv::TagType::audio, 78, from_hex("2f fffb94c4")));
    fail_unless_equals_int(rig.audio.buffers.size(), 4);
    fail_unless_equals_int(rig.audio.count(GST_EVENT_CAPS), 4);
    // Payload that is no frame is dropped, with a single warning.
    for (int i = 0; i < 3; ++i)
        rig.push(flv::make_tag(flv::TagType::audio, 104, from_hex("2f 00112233")));
    fail_unless_equals_int(rig.audio.buffers.size(), 4);
    fail_unless_equals_uint64(rig.stat("drops"), 3);
    fail_unless_equals_int(rig.messages(GST_MESSAGE_WARNING), 1);
}
GST_END_TEST

// Variants of the header in front of FLAC's STREAMINFO, and Opus without an OpusHead.
GST_START_TEST(test_sequence_starts) {
    const std::string info =
        "1000 1000 000000 000000 0bb802f0 000000000000000000000000000000000000000000";
    for (const char *head :
         {"664c6143 80000022", "664c6143 00000022", "664c6143", "80000022", ""}) {
        Rig rig;
        rig.push(flv::make_tag(flv::TagType::audio, 0,
                               from_hex(std::string("90 664c6143 ") + head + info)));
        fail_unless(rig.audio.pad != nullptr, "'%s'", head);
        rig.push(flv::make_tag(flv::TagType::audio, 0, from_hex("91 664c6143 fff8")));
        fail_unless_equals_int(int_of(rig.audio.caps(), "rate"), 48000);
        fail_unless_equals_int(int_of(rig.audio.caps(), "channels"), 2);
    }
    Rig cut;
    cut.push(flv::make_tag(flv::TagType::audio, 0, from_hex("90 664c6143 664c6143 80000022 1000")));
    fail_unless(!cut.audio.pad && cut.messages(GST_MESSAGE_WARNING) == 1);

    // Without an OpusHead the packets tell the channels; with one, the OpusHead does. 20 ms each.
    Rig opus;
    for (const char *tag : {"90 4f707573", "91 4f707573 fc01", "91 4f707573 fc02"})
        opus.push(flv::make_tag(flv::TagType::audio, 0, from_hex(tag)));
    fail_unless_equals_int(int_of(opus.audio.caps(), "channels"), 2);
    fail_unless_equals_int(opus.audio.buffers.size(), 2);
    check_time(GST_BUFFER_PTS(opus.audio.buffers[1].get()), 20);
    opus.push(flv::make_tag(flv::TagType::audio, 40,
                            from_hex("90 4f707573 4f70757348656164 01 01 3801 80bb0000 0000 00")));
    opus.push(flv::make_tag(flv::TagType::audio, 40, from_hex("91 4f707573 f801")));
    fail_unless_equals_int(int_of(opus.audio.caps(), "channels"), 1);
    fail_unless_equals_int(opus.messages(GST_MESSAGE_WARNING), 0);
}
GST_END_TEST

GST_START_TEST(test_unknown_codec) {
    Rig rig;
    rig.push(audio_config());
    for (int i = 0; i < 3; ++i)
        fail_unless_equals_int(
            rig.push(flv::make_tag(flv::TagType::video, 0, from_hex("14 aabb"))), // VP6
            GST_FLOW_OK);
    fail_unless_equals_int(rig.messages(GST_MESSAGE_WARNING), 1);
    fail_unless_equals_uint64(rig.stat("drops"), 3);
}
GST_END_TEST

static Suite *flvlivedemux_codecs_suite() {
    Suite *s = suite_create("flvlivedemux_codecs");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_broken_sps);
    tcase_add_test(tc, test_codecs_that_are_left_out);
    tcase_add_test(tc, test_self_describing_audio);
    tcase_add_test(tc, test_sequence_starts);
    tcase_add_test(tc, test_unknown_codec);
    return s;
}
GST_CHECK_MAIN(flvlivedemux_codecs)
