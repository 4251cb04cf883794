// SPDX-License-Identifier: LGPL-2.1-or-later
// The server side of RTMP: a publisher's media and metadata on any message stream, before the
// answer, in aggregates and in AMF3.
#include "unit/rtmp_session_rig.hpp"

using namespace penstock;
using namespace rtmp_test;

// A publisher that does not wait for the answer loses nothing, within a bound.
GST_START_TEST(test_early_media) {
    Recorder recorder(Recorder::Answer::wait);
    Client client = connected();
    client.publish("cam").message(type::audio, 0, 1, view(audio_config), 4);
    fail_unless(recorder.feed(client.out.view()));
    fail_unless(recorder.tags.empty());
    recorder.session.accept();
    fail_unless(recorder.tags.empty());
    fail_unless(recorder.feed({}));
    fail_unless_equals_int(recorder.tags.size(), 1);
    fail_unless(recorder.sent("NetStream.Publish.Start"));

    rtmp::Limits limits;
    limits.max_message_size = 1000;
    Recorder bounded(Recorder::Answer::wait, limits);
    for (int i = 0; i < 5; ++i)
        client.message(type::video, 0, 1, view(keyframe), 4);
    fail_if(bounded.feed(client.out.view()));
    fail_unless(bounded.error.find("without waiting") != std::string::npos);
}
GST_END_TEST

GST_START_TEST(test_ignored_media) {
    Recorder recorder;
    Client client = connected();
    client.message(type::video, 0, 1, view(keyframe), 4); // nobody asked
    client.publish("cam");
    client.message(type::data_amf0, 2, 1, view(std::string("\x02\xff\xff", 3)), 4);
    client.message(type::data_amf0, 3, 1, view(std::string("\x02\x00\x0f@clearDataFrame", 18)), 4);
    fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
    fail_unless(recorder.tags.empty());
    fail_unless(recorder.has("warning ignored malformed metadata"));
    Client flood;
    for (int i = 0; i < 100; ++i)
        flood.message(type::data_amf0, 2, 1, view("\xff"), 4);
    fail_unless(recorder.feed(flood.out.view()));
    fail_unless_equals_int(recorder.events.size(), 11);
}
GST_END_TEST

// A connection has one publish: its media may come on any message stream, most often 0.
GST_START_TEST(test_media_on_another_stream) {
    Recorder recorder;
    Client client = connected();
    client.publish("cam");
    for (const uint32_t stream : {0u, 1u, 2u, 0xFFFFFFFFu})
        client.message(type::video, 7 + stream, stream, view(keyframe), 4)
            .message(type::audio, 9, stream, view(audio_config), 6)
            .message(type::data_amf0, 0, stream,
                     view(std::string("\x02\x00\x0aonMetaData\x05", 14)), 5);
    fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
    fail_unless_equals_int(recorder.tags.size(), 12);
    fail_unless(recorder.has("tag 9 at 7:") && recorder.has("tag 9 at 8:"));
}
GST_END_TEST

GST_START_TEST(test_large_metadata_is_left_out) {
    const std::vector<uint8_t> large(70'000, 5);
    for (const uint32_t chunk_size : {128u, 4096u, 0x7FFFFFFFu}) {
        Recorder recorder;
        Client client = connected();
        client.publish("cam").set_chunk_size(chunk_size);
        client.message(type::data_amf0, 0, 1, large, 5)
            .message(type::data_amf3, 0, 1, std::vector<uint8_t>(0xFFFFFF), 5)
            .message(type::video, 40, 1, view(keyframe), 6);
        fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
        fail_unless(recorder.has("warning left out metadata of 70000 bytes (at most 65536"));
        fail_unless(recorder.has("warning left out metadata of 16777215 bytes"));
        fail_unless_equals_int(recorder.tags.size(), 1);
        fail_unless_equals_int(recorder.tags[0].timestamp, 40);
    }
    // The exception is for publishers' metadata only.
    Client nobody = connected();
    nobody.message(type::data_amf0, 0, 1, large, 5);
    fail_unless_error(nobody, "70000 bytes");
    Client command = connected();
    command.publish("cam").message(type::command_amf0, 0, 1, large, 3);
    fail_unless_error(command, "70000 bytes");
}
GST_END_TEST

GST_START_TEST(test_aggregate) {
    Writer body;
    const auto part = [&](uint8_t part_type, uint32_t timestamp, std::string_view data) {
        body.u8(part_type).u24(data.size()).u24(timestamp & 0xFFFFFF).u8(timestamp >> 24).u24(0);
        body.text(data).u32(11 + data.size());
    };
    part(9, 0x01000000, keyframe);
    part(8, 0x01000017, audio_config);
    part(18, 0x01000020, std::string_view("\x02\x00\x0aonMetaData\x05", 14));
    part(77, 0x01000020, "?");
    Recorder recorder;
    Client client = connected();
    client.publish("cam").message(type::aggregate, 1000, 1, body.view(), 6);
    fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
    fail_unless_equals_int(recorder.tags.size(), 3);
    fail_unless_equals_int(recorder.tags[0].timestamp, 1000);
    fail_unless_equals_int(recorder.tags[1].timestamp, 1023);
    fail_unless_equals_int(recorder.tags[2].timestamp, 1032);
    fail_unless(std::ranges::equal(recorder.tags[0].body().view(), view(keyframe)));
    Client cut = connected();
    cut.publish("cam").message(type::aggregate, 0, 1, body.view().first(100), 6);
    fail_unless_error(cut, "cut off");
    // Of who publishes nothing it is ignored like any media.
    Recorder plays;
    Client player = connected();
    player.message(type::aggregate, 0, 1, body.view().first(100), 6).play("cam");
    player.message(type::aggregate, 0, 1, body.view().first(100), 6);
    fail_unless(plays.feed(player.out.view()), "%s", plays.error.c_str());
    fail_unless(plays.tags.empty());
}
GST_END_TEST

GST_START_TEST(test_amf3) {
    Writer connect, publish, metadata;
    connect.u8(0);
    amf::write_all(connect, {amf::string("connect"), amf::number(1),
                             amf::object({{"app", amf::string("live")}})});
    publish.u8(0);
    amf::write_all(publish,
                   {amf::string("publish"), amf::number(0), amf::null(), amf::string("cam")});
    metadata.u8(0);
    amf::write_all(metadata,
                   {amf::string("@setDataFrame"), amf::string("onMetaData"), amf::null()});
    Client client;
    client.handshake()
        .message(type::command_amf3, 0, 0, connect.view())
        .message(type::command_amf3, 0, 1, publish.view())
        .message(type::data_amf3, 0, 1, metadata.view());
    Recorder recorder;
    fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
    fail_unless_equals_string(recorder.events.at(0).c_str(), "publish live/cam?");
    fail_unless_equals_int(recorder.tags.size(), 1);
    fail_unless(recorder.tags[0].kind == flv::TagKind::metadata);
    // Without the byte that names the format.
    Client bare;
    bare.handshake()
        .message(type::command_amf3, 0, 0, connect.view().subspan(1))
        .message(type::command_amf3, 0, 1, publish.view().subspan(1));
    Recorder of_bare;
    fail_unless(of_bare.feed(bare.out.view()), "%s", of_bare.error.c_str());
    fail_unless_equals_string(of_bare.events.at(0).c_str(), "publish live/cam?");
    Client other;
    other.handshake().message(type::command_amf3, 0, 0, view("\x05"));
    fail_unless_error(other, "AMF3");
}
GST_END_TEST

// AMF3 values behind the avmplus marker, with and without the byte that names the format.
GST_START_TEST(test_avmplus) {
    using namespace std::literals;
    const std::string connect = "\x02\x00\x07"
                                "connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00"
                                "\x11\x0a\x0b\x01\x07"
                                "app\x06\x09live\x01"s;
    const std::string publish = "\x11\x06\x0fpublish\x11\x04\x00\x11\x01\x11\x06\x07"
                                "cam"s;
    const std::string metadata = "\x02\x00\x0d@setDataFrame\x11\x06\x15onMetaData"
                                 "\x11\x0a\x0b\x01\x0bwidth\x04\x82\x40\x01"s;
    for (const std::string &selector : {std::string(1, '\0'), std::string()}) {
        Client client;
        client.handshake()
            .message(type::command_amf3, 0, 0, view(selector + connect))
            .message(type::command_amf3, 0, 1, view(selector + publish))
            .message(type::data_amf3, 0, 1, view(selector + metadata));
        Recorder recorder;
        fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
        fail_unless_equals_string(recorder.events.at(0).c_str(), "publish live/cam?");
        // Players get it as AMF0.
        fail_unless_equals_int(recorder.tags.size(), 1);
        const auto wanted = "\x02\x00\x0aonMetaData\x03\x00\x05width\x00\x40\x74\x00\x00\x00\x00"
                            "\x00\x00\x00\x00\x09"s;
        fail_unless(std::ranges::equal(recorder.tags[0].body().view(), view(wanted)));
        fail_unless(recorder.tags[0].kind == flv::TagKind::metadata);
    }
}
GST_END_TEST

static Suite *rtmp_session_media_suite() {
    Suite *s = suite_create("rtmp_session_media");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_early_media);
    tcase_add_test(tc, test_ignored_media);
    tcase_add_test(tc, test_media_on_another_stream);
    tcase_add_test(tc, test_large_metadata_is_left_out);
    tcase_add_test(tc, test_aggregate);
    tcase_add_test(tc, test_amf3);
    tcase_add_test(tc, test_avmplus);
    return s;
}
GST_CHECK_MAIN(rtmp_session_media)
