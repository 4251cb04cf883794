// SPDX-License-Identifier: LGPL-2.1-or-later
// The server side of RTMP: commands and answers, bytes of real clients, hostile peers.
#include "unit/rtmp_session_rig.hpp"

using namespace penstock;
using namespace rtmp_test;

namespace {

std::vector<uint8_t> corpus(const std::string &name) {
    const char *root = std::getenv("PENSTOCK_SOURCE_ROOT");
    fail_unless(root != nullptr, "PENSTOCK_SOURCE_ROOT is not set");
    std::ifstream file(std::string(root) + "/tests/fuzz/corpus/rtmp/" + name, std::ios::binary);
    std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(file)), {});
    fail_if(bytes.empty(), "no corpus file '%s'", name.c_str());
    return bytes;
}

} // namespace

GST_START_TEST(test_handshake) {
    Client client;
    client.handshake();
    const auto &bytes = client.out.vector();
    Recorder recorder;
    fail_unless(recorder.feed(ByteView(bytes).first(1536)));
    fail_unless(recorder.output.empty());
    fail_unless(recorder.feed(ByteView(bytes).subspan(1536, 1)));
    fail_unless_equals_int(recorder.output.size(), 1 + 2 * 1536);
    fail_unless_equals_int(recorder.output[0], 3);
    // S1's version bytes are zero; S2 is C1.
    for (size_t i = 1; i <= 8; ++i)
        fail_unless_equals_int(recorder.output[i], 0);
    fail_unless(
        std::equal(bytes.begin() + 1, bytes.begin() + 1537, recorder.output.begin() + 1537));
    fail_unless(recorder.feed(ByteView(bytes).subspan(1537)));
    fail_unless_equals_int(recorder.output.size(), 1 + 2 * 1536);
}
GST_END_TEST

GST_START_TEST(test_garbage_handshake) {
    const std::pair<std::string_view, const char *> cases[] = {
        {"GET /live HTTP/1.1\r\n\r\n", "HTTP"},
        {"\x16\x03\x01", "TLS"},
        {"\x06", "RTMPE"},
        {"\xff\xff", "byte 255"},
        {"\x04", "byte 4"}};
    for (const auto &[bytes, reason] : cases) {
        Recorder recorder;
        fail_if(recorder.feed(view(bytes)));
        fail_unless(recorder.error.find(reason) != std::string::npos, "%s", recorder.error.c_str());
        fail_unless(recorder.output.empty());
        // The session stays broken.
        fail_if(recorder.feed(view("\x03")));
    }
}
GST_END_TEST

GST_START_TEST(test_publish) {
    Client client = connected();
    client.call(0, "releaseStream", 2, "cam").call(0, "FCPublish", 3, "cam").publish("cam?key=s");
    Client media;
    media.set_chunk_size(4096)
        .message(type::data_amf0, 0, 1,
                 view(std::string("\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x05", 30)), 4)
        .message(type::audio, 5, 1, view(audio_config), 4)
        .message(type::video, 40, 1, view(keyframe), 6)
        .message(type::video, 41, 1, {}, 6)
        .call(0, "FCUnpublish", 6, "cam")
        .call(0, "deleteStream", 7)
        .message(type::video, 80, 1, view(keyframe), 6);
    Recorder recorder;
    fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
    for (const char *text :
         {"NetConnection.Connect.Success", "onFCPublish", "NetStream.Publish.Start", "_result"})
        fail_unless(recorder.sent(text), "no %s", text);
    fail_unless(recorder.feed(media.out.view()), "%s", recorder.error.c_str());
    fail_unless_equals_int(recorder.events.size(), 5);
    fail_unless_equals_string(recorder.events[0].c_str(), "publish live/cam?key=s");
    fail_unless_equals_string(recorder.events[4].c_str(), "stop");
    fail_unless_equals_int(recorder.tags.size(), 3);
    const flv::Tag &metadata = recorder.tags[0], &audio = recorder.tags[1],
                   &video = recorder.tags[2];
    fail_unless(metadata.kind == flv::TagKind::metadata);
    fail_unless(std::ranges::equal(metadata.body().view(),
                                   view(std::string("\x02\x00\x0aonMetaData\x05", 14))));
    fail_unless(audio.kind == flv::TagKind::config && audio.timestamp == 5);
    fail_unless(video.kind == flv::TagKind::keyframe && video.timestamp == 40);
    fail_unless(std::ranges::equal(video.body().view(), view(keyframe)));
    fail_unless(recorder.sent("NetStream.Unpublish.Success"));
    fail_unless_equals_string(recorder.session.client_name().c_str(), "FMLE/3.0.(test)");
    // A second publish on the same connection.
    Client again;
    again.chunk_size = 4096;
    again.publish("cam2").message(type::video, 90, 1, view(keyframe), 6);
    fail_unless(recorder.feed(again.out.view()));
    fail_unless(recorder.has("publish live/cam2?") && recorder.has("tag 9 at 90"));
}
GST_END_TEST

GST_START_TEST(test_connect_answer) {
    Recorder recorder;
    fail_unless(recorder.feed(connected().out.view()));
    const auto answers = recorder.answers();
    fail_unless_equals_int(answers.size(), 4);
    fail_unless_equals_int(answers[0].type, type::window_ack_size);
    fail_unless_equals_int(answers[1].type, type::set_peer_bandwidth);
    fail_unless_equals_int(answers[1].body().size(), 5);
    fail_unless_equals_int(answers[2].type, type::set_chunk_size);
    const uint8_t size[] = {0, 1, 0, 0};
    fail_unless(std::ranges::equal(answers[2].body(), size));
    std::vector<amf::Value> values;
    fail_unless(amf::read_all(answers[3].body(), values).is_ok());
    fail_unless_equals_int(values.size(), 4);
    fail_unless(values[0].text == "_result" && values[1].number == 1);
    fail_unless(values[3].text_of("code") == "NetConnection.Connect.Success");
}
GST_END_TEST

GST_START_TEST(test_play) {
    Recorder recorder;
    Client client = connected();
    client.play("cam")
        .call(1, "receiveAudio", 0)
        .command(1, {amf::string("pause"), amf::number(0), amf::null(), amf::boolean(true)});
    client.call(1, "seek", 0).call(0, "getStreamLength", 9, "cam").call(0, "_checkbw", 10);
    client.call(0, "FCSubscribe", 11, "cam");
    fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
    fail_unless_equals_string(recorder.events[0].c_str(), "play live/cam?");
    for (const char *text : {"NetStream.Play.Reset", "NetStream.Play.Start", "|RtmpSampleAccess",
                             "NetStream.Pause.Notify", "NetStream.Seek.Notify", "onFCSubscribe"})
        fail_unless(recorder.sent(text), "no %s", text);
    const auto answers = recorder.answers();
    const auto begin =
        std::ranges::find_if(answers, [](const auto &m) { return m.type == type::user_control; });
    fail_unless(begin != answers.end());
    const uint8_t stream_begin[] = {0, 0, 0, 0, 0, 1};
    fail_unless(std::ranges::equal(begin->body(), stream_begin));
    recorder.session.notify_unpublished();
    fail_unless(recorder.feed({}));
    fail_unless(recorder.sent("NetStream.Play.UnpublishNotify"));
    // Another play replaces the first; closeStream ends it.
    Client more;
    more.command(1, {amf::string("play2"), amf::number(0), amf::null(),
                     amf::object({{"streamName", amf::string("other")}})});
    more.call(1, "closeStream", 0);
    fail_unless(recorder.feed(more.out.view()));
    fail_unless_equals_int(recorder.events.size(), 4);
    fail_unless_equals_string(recorder.events[1].c_str(), "stop");
    fail_unless_equals_string(recorder.events[2].c_str(), "play live/other?");
    fail_unless_equals_string(recorder.events[3].c_str(), "stop");
}
GST_END_TEST

GST_START_TEST(test_names) {
    struct Case {
        const char *app, *tc_url, *name, *event;
    };
    const Case cases[] = {
        {"live", "rtmp://h/live", "cam", "publish live/cam?"},
        {"live/", "rtmp://h/live/", "cam", "publish live/cam?"},
        {"live", "rtmp://h/live", "cam?key=a&x=y", "publish live/cam?key=a&x=y"},
        {"live?key=a", "rtmp://h/live?key=a", "cam", "publish live/cam?key=a"},
        {"live", "rtmp://h/live?key=a", "cam", "publish live/cam?key=a"},
        {"live?key=b", "rtmp://h/live?key=b", "cam?key=a", "publish live/cam?key=a&key=b"},
        {"live?key=a", "rtmp://h/live?key=a", "cam?key=a", "publish live/cam?key=a"},
        {"a/b", "rtmp://h/a/b", "cam", "publish a/b/cam?"},
        {"", "rtmp://h/", "live/cam", "publish live/cam?"},
        {"", "rtmp://h", "/live/cam/?key=a", "publish live/cam?key=a"},
        {"live", "rtmp://h/live", "", "publish live?"},
        {"live", "rtmp://h/live", "mp4:cam.mp4", "publish live/cam.mp4?"},
        {"live", "rtmp://h/live", "../x!\"", "publish live/../x!\"?"},
        {"", "", "", "publish ?"},
    };
    for (const Case &c : cases) {
        Client client;
        client.handshake().connect(c.app, c.tc_url).publish(c.name);
        Recorder recorder;
        fail_unless(recorder.feed(client.out.view()));
        fail_unless_equals_string(recorder.events.at(0).c_str(), c.event);
    }
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    const std::tuple<bool, rtmp::Refusal, const char *> cases[] = {
        {true, rtmp::Refusal::bad_name, "NetStream.Publish.BadName"},
        {true, rtmp::Refusal::unauthorized, "NetStream.Publish.Denied"},
        {true, rtmp::Refusal::failed, "NetStream.Publish.Rejected"},
        {false, rtmp::Refusal::not_found, "NetStream.Play.StreamNotFound"},
        {false, rtmp::Refusal::unauthorized, "NetStream.Play.Failed"},
        {false, rtmp::Refusal::failed, "NetStream.Play.Failed"}};
    for (const auto &[publish, why, code] : cases) {
        Recorder recorder(Recorder::Answer::wait);
        Client client = connected();
        client.call(0, "FCPublish", 3, "cam");
        publish ? client.publish("cam") : client.play("cam");
        fail_unless(recorder.feed(client.out.view()));
        // Nothing that a publisher could take for its acceptance.
        fail_if(recorder.sent("onFCPublish") || recorder.sent("NetStream.Publish"));
        recorder.session.refuse(why, "because");
        recorder.session.accept(); // too late: nothing is pending
        fail_unless(recorder.feed({}));
        fail_unless(recorder.sent(code) && recorder.sent("because"), "no %s", code);
        fail_if(recorder.sent("NetStream.Publish.Start") || recorder.sent("NetStream.Play.Start"));
        Client media;
        media.message(type::video, 1, 1, view(keyframe));
        fail_unless(recorder.feed(media.out.view()));
        fail_unless(recorder.tags.empty());
    }
}
GST_END_TEST

// Set Peer Bandwidth without its limit type, Window Acknowledgement Size 0.
GST_START_TEST(test_sloppy_control_messages) {
    Recorder recorder;
    Client client = connected();
    client.control(type::set_peer_bandwidth, 2'500'000).control(type::window_ack_size, 0);
    client.publish("cam").message(type::video, 40, 1, view(keyframe), 6);
    fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
    fail_unless_equals_int(recorder.tags.size(), 1);
    Client cut = connected();
    cut.message(type::set_peer_bandwidth, 0, 0, view("abc"), 2);
    fail_unless_error(cut, "shorter than 4 bytes");
}
GST_END_TEST

// The codecs that both sides announce.
GST_START_TEST(test_capabilities) {
    const auto list = [](std::initializer_list<const char *> names) {
        amf::Value value;
        value.type = amf::Type::strict_array;
        for (const char *name : names)
            value.items.push_back(amf::string(name));
        return value;
    };
    const auto capabilities = [](std::vector<amf::Property> more) {
        amf::Value info = amf::object({{"app", amf::string("live")}});
        for (amf::Property &property : more)
            info.properties.push_back(std::move(property));
        Client client;
        client.handshake().command(0, {amf::string("connect"), amf::number(1), info});
        Recorder recorder;
        fail_unless(recorder.feed(client.out.view()), "%s", recorder.error.c_str());
        return recorder.session.capabilities();
    };
    const auto video = [](const rtmp::Capabilities &c, const char(&codec)[5]) {
        return c.receives(flv::TagType::video, flv::fourcc(codec));
    };
    const auto audio = [](const rtmp::Capabilities &c, const char(&codec)[5]) {
        return c.receives(flv::TagType::audio, flv::fourcc(codec));
    };
    // Nothing or nonsense announced: everything is sent.
    for (const auto &said : {capabilities({}), capabilities({{"fourCcList", amf::number(7)},
                                                             {"videoFourCcInfoMap", amf::null()},
                                                             {"capsEx", amf::number(-1)}})})
        fail_unless(video(said, "hvc1") && audio(said, "Opus") && said.caps_ex == 0);
    // A list of video codecs says nothing about audio. Codecs with a legacy form are always sent.
    const auto old = capabilities({{"fourCcList", list({"av01", "hvc1", "toolong"})}});
    fail_unless(video(old, "hvc1") && video(old, "avc1") && !video(old, "vp09"));
    fail_unless(audio(old, "Opus"));
    const auto both = capabilities({{"fourCcList", list({"hvc1", "Opus"})}});
    fail_unless(audio(both, "Opus") && !audio(both, "fLaC") && audio(both, "mp4a"));
    fail_unless(audio(both, "spex"));
    const auto any = capabilities({{"fourCcList", list({"*"})}});
    fail_unless(video(any, "vvc1") && audio(any, "ec-3"));
    // Info maps: decoding or forwarding counts as receiving, encoding does not.
    const auto maps = capabilities({{"fourCcList", list({"*"})},
                                    {"videoFourCcInfoMap", amf::object({{"hvc1", amf::number(1)},
                                                                        {"av01", amf::number(2)},
                                                                        {"vp09", amf::number(4)}})},
                                    {"audioFourCcInfoMap", amf::object({{"*", amf::number(1)}})},
                                    {"capsEx", amf::number(6)}});
    fail_unless(video(maps, "hvc1") && !video(maps, "av01") && video(maps, "vp09"));
    fail_unless(audio(maps, "Opus"));
    fail_unless(maps.has(rtmp::caps_ex::multitrack | rtmp::caps_ex::mod_ex));
    fail_if(maps.has(rtmp::caps_ex::reconnect));

    // The server's own capabilities, in both objects of its answer.
    Recorder recorder;
    fail_unless(recorder.feed(connected().out.view()));
    std::vector<amf::Value> values;
    fail_unless(amf::read_all(recorder.answers().at(3).body(), values).is_ok());
    for (const size_t i : {size_t(2), size_t(3)}) {
        const auto said = rtmp::read_capabilities(values.at(i));
        fail_unless(said.video.announced && said.audio.announced && said.caps_ex == 15);
        for (const char *name : {"avc1", "hvc1", "av01", "vp09", "vp08", "vvc1"})
            fail_unless(values[i].find("videoFourCcInfoMap")->find(name)->number == 4);
        for (const char *name : {"mp4a", "Opus", "ac-3", "ec-3", "fLaC", ".mp3"})
            fail_unless(values[i].find("audioFourCcInfoMap")->find(name)->number == 4);
        fail_unless_equals_int(values[i].find("fourCcList")->items.size(), 12);
    }
}
GST_END_TEST

GST_START_TEST(test_unknown_commands) {
    Recorder recorder;
    Client client = connected();
    client.call(0, "makeCoffee", 0).call(0, "_error", 3).call(0, "makeTea", 42);
    fail_unless(recorder.feed(client.out.view()));
    const auto answers = recorder.answers();
    fail_unless_equals_int(answers.size(), 5);
    std::vector<amf::Value> values;
    fail_unless(amf::read_all(answers[4].body(), values).is_ok());
    fail_unless(values[0].text == "_error" && values[1].number == 42);
}
GST_END_TEST

GST_START_TEST(test_acknowledgements) {
    Recorder recorder;
    Client client = connected();
    client.control(type::window_ack_size, 5000).publish("cam");
    client.message(type::user_control, 0, 0, view(std::string("\x00\x06\x12\x34\x56\x78", 6)), 2);
    for (int i = 0; i < 60; ++i)
        client.message(type::video, i, 1, view(keyframe), 6);
    // Fed in small reads, as from a network: an acknowledgement for every 5000 bytes.
    const ByteView bytes = client.out.view();
    for (size_t at = 0; at < bytes.size(); at += 500)
        fail_unless(recorder.feed(bytes.subspan(at, std::min<size_t>(500, bytes.size() - at))));
    unsigned acks = 0;
    uint32_t last = 0;
    bool pong = false;
    for (const rtmp::Message &m : recorder.answers()) {
        const ByteView body = m.body();
        if (m.type == type::acknowledgement) {
            const uint32_t now = body[0] << 24 | body[1] << 16 | body[2] << 8 | body[3];
            fail_unless(now - last >= 5000 && now - last < 5000 + 500);
            last = now;
            ++acks;
        }
        const uint8_t expected[] = {0, 7, 0x12, 0x34, 0x56, 0x78};
        if (m.type == type::user_control) pong = pong || std::ranges::equal(body, expected);
    }
    fail_unless(acks >= bytes.size() / 5500 && acks <= bytes.size() / 5000, "%u", acks);
    fail_unless(pong);
    recorder.session.notify_kicked(rtmp::Refusal::bad_name, "taken over");
    recorder.session.notify_kicked(rtmp::Refusal::failed, "stopped");
    fail_unless(recorder.feed({}));
    fail_unless(recorder.sent("taken over") && recorder.sent("NetStream.Publish.BadName"));
    fail_unless(recorder.sent("stopped") && recorder.sent("NetStream.Publish.Rejected"));
}
GST_END_TEST

GST_START_TEST(test_hostile_commands) {
    Client client;
    client.handshake().publish("cam");
    fail_unless_error(client, "'createStream' before connect");
    fail_unless_error(connected().connect("live"), "second connect");
    Client huge = connected();
    huge.message(type::command_amf0, 0, 0, view(std::string("\x0c\x7f\xff\xff\xff", 5)));
    fail_unless_error(huge, "AMF string of 2147483647 bytes");
    Client bomb = connected();
    std::string deep("\x02\x00\x01x", 4);
    for (int i = 0; i < 10000; ++i)
        deep += std::string("\x03\x00\x01y", 4);
    bomb.message(type::command_amf0, 0, 0, view(deep));
    fail_unless_error(bomb, "nested");
    Client nameless = connected();
    nameless.message(type::command_amf0, 0, 0, view("\x05"));
    fail_unless_error(nameless, "no name");
    // Many requests whose answers the client does not read.
    Client asker = connected();
    for (int i = 0; i < 8000; ++i)
        asker.call(0, "createStream", i + 1);
    fail_unless_error(asker, "does not read");
    Recorder busy;
    Client twice = connected();
    twice.publish("a").call(1, "publish", 6, "b").call(1, "play", 7, "b");
    fail_unless(busy.feed(twice.out.view()));
    fail_unless(busy.sent("NetStream.Publish.BadName") && busy.sent("NetStream.Play.Failed"));
    fail_unless_equals_int(busy.events.size(), 1);
}
GST_END_TEST

// Input of genuine clients: whole, in two parts at every byte, and byte by byte.
GST_START_TEST(test_genuine_clients) {
    const std::pair<const char *, const char *> cases[] = {
        {"publish-ffmpeg", "publish live/cam?key=a"},
        {"publish-rtmp2sink", "publish live/cam?"},
        {"publish-librtmp", "publish a/b/cam?"},
        {"publish-extended-timestamps", "publish live/cam?"},
        {"play-ffmpeg", "play live/cam?"},
        {"play-mpv", "play live/cam?"},
        {"play-rtmp2src", "play live/cam?"},
        {"play-rtmpdump", "play live/cam?key=z"}};
    for (const auto &[name, request] : cases) {
        const std::vector<uint8_t> bytes = corpus(name);
        Recorder whole;
        fail_unless(whole.feed(bytes), "%s: %s", name, whole.error.c_str());
        fail_unless_equals_string(whole.events.at(0).c_str(), request);
        if (std::string_view(name).starts_with("publish")) {
            fail_unless(whole.tags.size() >= 3, "%s: %zu tags", name, whole.tags.size());
            fail_unless(whole.tags[0].kind == flv::TagKind::metadata);
            fail_unless(whole.has("tag 9"));
        }
        // The handshake is long and always the same: a few of its positions suffice. Where each
        // round costs tenfold, so do every seventh of the others.
        const size_t step = rounds(10) == 10 ? 1 : 7;
        for (size_t split = 1; split < bytes.size(); split += split < 3060 ? 61 : step) {
            Recorder parts;
            parts.feed(ByteView(bytes).first(split));
            parts.feed(ByteView(bytes).subspan(split));
            fail_unless(parts.events == whole.events, "%s: split at byte %zu", name, split);
            fail_unless(parts.output == whole.output, "%s: split at byte %zu", name, split);
        }
        Recorder bytewise;
        for (const uint8_t &byte : bytes)
            fail_unless(bytewise.feed(ByteView(&byte, 1)));
        fail_unless(bytewise.events == whole.events && bytewise.output == whole.output);
    }
    Recorder late;
    late.feed(corpus("publish-extended-timestamps"));
    fail_unless(late.has("at 16776000") && late.tags.back().timestamp >= 16776000);
}
GST_END_TEST

static Suite *rtmp_session_suite() {
    Suite *s = suite_create("rtmp_session");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_handshake);
    tcase_add_test(tc, test_garbage_handshake);
    tcase_add_test(tc, test_publish);
    tcase_add_test(tc, test_connect_answer);
    tcase_add_test(tc, test_play);
    tcase_add_test(tc, test_names);
    tcase_add_test(tc, test_refusals);
    tcase_add_test(tc, test_sloppy_control_messages);
    tcase_add_test(tc, test_capabilities);
    tcase_add_test(tc, test_unknown_commands);
    tcase_add_test(tc, test_acknowledgements);
    tcase_add_test(tc, test_hostile_commands);
    tcase_add_test(tc, test_genuine_clients);
    return s;
}
GST_CHECK_MAIN(rtmp_session)
