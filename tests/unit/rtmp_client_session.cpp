// SPDX-License-Identifier: LGPL-2.1-or-later
// The client side of RTMP: against our server, against odd and hostile ones, cut at every byte.
#include "core/rtmp/client_url.h"
#include "core/rtmp/packet.h"
#include "flv_samples.hpp"
#include "unit/rtmp_client_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace rtmp_test;
using rtmp::ClientEnd;

namespace {

/// Passes bytes in both directions until neither side has any.
void converse(ClientRecorder &client, Recorder &server) {
    while (client.said < client.output.size() || client.heard < server.output.size()) {
        const ByteView said = ByteView(client.output).subspan(client.said);
        client.said = client.output.size();
        server.feed(said);
        const ByteView heard = ByteView(server.output).subspan(client.heard);
        client.heard = server.output.size();
        client.feed(heard);
    }
}

void send(ClientRecorder &client, const flv::Tag &tag, uint32_t time) {
    const auto packet = rtmp::make_packet(tag, time, rtmp::ClientSession::out_chunk_size,
                                          client.session.stream_id());
    for (const ByteView piece : packet->pieces)
        client.output.insert(client.output.end(), piece.begin(), piece.end());
}

/// How a session ends with a server that answers this.
void fail_unless_end(const ServerBytes &server, bool publish, ClientEnd end, const char *words) {
    ClientRecorder client(publish);
    fail_if(client.feed(server.out.view()), "it goes on, where '%s' was due", words);
    fail_unless(client.error.find(words) != std::string::npos, "'%s' instead of '%s'",
                client.error.c_str(), words);
    fail_unless(client.error.find("secret-key") == std::string::npos, "%s", client.error.c_str());
    fail_unless_equals_int(int(client.session.end()), int(end));
    fail_if(client.session.has_started());
}

} // namespace

GST_START_TEST(test_publish) {
    ClientRecorder client(true);
    Recorder server;
    converse(client, server);
    fail_unless(client.session.has_started(), "%s", client.error.c_str());
    fail_unless_equals_int(client.events.size(), 1);
    fail_unless_equals_string(server.events[0].c_str(), "publish live2/secret-key?a=b&backup=1");
    for (const char *command : {"releaseStream", "FCPublish", "createStream", "publish"})
        fail_unless(client.sent(command), "no %s", command);
    send(client, samples::video_config(), 0);
    send(client, samples::video_frame(40, true), 40);
    // A message longer than a chunk, with a timestamp beyond 24 bits.
    send(client, flv::make_tag(flv::TagType::audio, 0, std::vector<uint8_t>(9000, 0xAF)),
         0x1000000);
    converse(client, server);
    client.session.finish();
    client.take();
    converse(client, server);
    fail_unless_equals_int(server.tags.size(), 3);
    fail_unless_equals_int(server.tags[2].timestamp, 0x1000000);
    fail_unless_equals_int(server.tags[2].body().size(), 9000);
    fail_unless(server.has("stop"));
}
GST_END_TEST

GST_START_TEST(test_app_keeps_query) {
    ClientRecorder client(true);
    fail_unless(client.feed(ServerBytes().out.view()));
    fail_unless(client.sent("live2?backup=1"));
    fail_if(client.sent("secret-key"), "the key is told before the server has accepted connect");
    fail_if(client.sent("fourCcList"));
}
GST_END_TEST

// Nothing is started before NetStream.Publish.Start, whatever else the server sends.
GST_START_TEST(test_waits_for_start) {
    ServerBytes bytes;
    bytes.created().failure(2, "NetConnection.Call.Failed", "unknown").failure(3, "x", "y");
    Writer begin;
    begin.u16(rtmp::user_control::stream_begin).u32(1);
    bytes.message(type::user_control, 0, 0, begin.view(), 2);
    bytes.status("status", "NetStream.Play.Start");
    ClientRecorder client(true);
    fail_unless(client.feed(bytes.out.view()), "%s", client.error.c_str());
    fail_if(client.session.has_started());
    fail_unless(client.session.is_asking());
    fail_unless_equals_string(std::string(client.session.waits_for()).c_str(),
                              "the answer to publish");
    ServerBytes start;
    start.out = {};
    start.status("status", "NetStream.Publish.Start");
    fail_unless(client.feed(start.out.view()));
    fail_unless(client.session.has_started());
}
GST_END_TEST

GST_START_TEST(test_play) {
    ClientRecorder client(false);
    Recorder server;
    converse(client, server);
    fail_unless(client.session.has_started(), "%s", client.error.c_str());
    fail_unless_equals_string(server.events[0].c_str(), "play live2/secret-key?a=b&backup=1");
    fail_unless(client.sent("fourCcList") && client.sent("capsEx"));
    Client media;
    media.chunk_size = rtmp::ServerSession::out_chunk_size;
    media.message(type::data_amf0, 0, 1, samples::metadata().body(), 5)
        .message(type::video, 7, 1, samples::video_frame(7, true).body(), 6)
        .message(type::audio, 9, 1, samples::audio_frame(9).body(), 4)
        .message(type::video, 9, 1, {}, 6);
    fail_unless(client.feed(media.out.view()));
    fail_unless_equals_int(client.tags.size(), 3);
    fail_unless(client.tags[0].kind == flv::TagKind::metadata);
    fail_unless(client.tags[1].kind == flv::TagKind::keyframe && client.tags[1].timestamp == 7);
    server.session.notify_unpublished();
    fail_if(client.feed(server.session.take_output()));
    fail_unless_equals_int(int(client.session.end()), int(ClientEnd::stopped));
}
GST_END_TEST

// Any cut gives the same events and the same answers.
GST_START_TEST(test_cut_anywhere) {
    for (const bool publish : {true, false}) {
        ServerBytes bytes;
        bytes.created();
        bytes.status("status", "NetStream.Play.Reset");
        bytes.status("status", publish ? "NetStream.Publish.Start" : "NetStream.Play.Start");
        Writer ping;
        ping.u16(rtmp::user_control::ping_request).u32(77);
        bytes.message(type::user_control, 0, 0, ping.view(), 2);
        bytes.set_chunk_size(200);
        bytes.message(type::data_amf0, 0, 1, samples::metadata().body(), 5)
            .message(type::video, 0, 1, samples::video_config().body(), 6)
            .message(type::video, 20, 1, std::vector<uint8_t>(300, 0x17), 6)
            .message(type::audio, 0x1234567, 1, samples::audio_frame(9).body(), 4);
        bytes.status("status", publish ? "NetStream.Unpublish.Success" : "NetStream.Play.Stop");
        const ByteView all = bytes.out.view();
        ClientRecorder whole(publish);
        whole.feed(all);
        fail_unless_equals_int(whole.tags.size(), publish ? 0 : 4);
        fail_unless_equals_int(int(whole.session.end()), int(ClientEnd::stopped));
        for (size_t cut = 1; cut < all.size(); ++cut) {
            ClientRecorder parts(publish);
            parts.feed(all.first(cut));
            parts.feed(all.subspan(cut));
            fail_unless(parts.events == whole.events && parts.output == whole.output &&
                            parts.error == whole.error,
                        "cut at %zu", cut);
        }
        ClientRecorder bytewise(publish);
        for (size_t i = 0; i < all.size(); ++i)
            bytewise.feed(all.subspan(i, 1));
        fail_unless(bytewise.events == whole.events && bytewise.output == whole.output);
    }
}
GST_END_TEST

// Servers' answers to a wrong key become words without the key.
GST_START_TEST(test_refusals) {
    const auto refused = [](std::string_view code, std::string_view text) {
        ServerBytes bytes;
        bytes.created().status("error", code, text);
        return bytes;
    };
    fail_unless_end(refused("NetStream.Publish.BadName", "secret-key?a=b is in use"), true,
                    ClientEnd::in_use, "***");
    fail_unless_end(refused("NetStream.Publish.Denied", "key secret-key unknown"), true,
                    ClientEnd::refused, "refuses the key or name (NetStream.Publish.Denied)");
    fail_unless_end(refused("NetStream.Publish.Rejected", "no"), true, ClientEnd::refused, "no");
    fail_unless_end(refused("NetStream.Play.StreamNotFound", "nothing"), false, ClientEnd::missing,
                    "no such stream");
    fail_unless_end(refused("NetStream.Play.Failed", "token"), false, ClientEnd::refused, "token");
    ServerBytes rejected;
    rejected.failure(1, "NetConnection.Connect.Rejected", "[ code=403 need auth ]");
    fail_unless_end(rejected, true, ClientEnd::refused, "need auth");
    ServerBytes kicked;
    kicked.created().status("status", "NetStream.Publish.Start");
    kicked.status("error", "NetStream.Publish.Failed", "taken over");
    fail_unless_end(kicked, true, ClientEnd::stopped, "taken over");
}
GST_END_TEST

// A server that announced nothing is not asked; one that did asks, and is served on.
GST_START_TEST(test_reconnect_request) {
    for (const bool publish : {true, false}) {
        ClientRecorder client(publish);
        Recorder server;
        converse(client, server);
        fail_unless(client.session.has_started());
        fail_unless(server.session.request_reconnect("/other", "moving to secret-key"));
        fail_unless(server.feed({}));
        converse(client, server);
        fail_unless_equals_string(client.events.back().c_str(), "reconnect /other: moving to ***");
        fail_unless(server.session.request_reconnect("", ""));
        fail_unless(server.feed({}));
        converse(client, server);
        fail_unless_equals_string(client.events.back().c_str(), "reconnect : ");
        fail_unless(client.session.has_started() && client.error.empty(), "%s",
                    client.error.c_str());
    }
    Recorder server;
    Client silent;
    silent.handshake().connect("live").play("cam");
    fail_unless(server.feed(silent.out.view()));
    fail_if(server.session.request_reconnect("", "moving"));
    fail_if(server.sent("ReconnectRequest"));
}
GST_END_TEST

// Servers that answer in AMF3, with and without the byte that names the format, and whose Set Peer
// Bandwidth has no limit type.
GST_START_TEST(test_amf3_answers) {
    using namespace std::literals;
    const auto info = [](const char *code) {
        return "\x11\x0a\x0b\x01\x0blevel\x06\x0dstatus\x09"
               "code\x06"s +
               char(2 * std::string(code).size() + 1) + code + "\x01";
    };
    const auto number = [](char low) { return "\x00\x3f\xf0\x00\x00\x00\x00\x00"s + low; };
    for (const std::string &selector : {std::string(1, '\0'), std::string()}) {
        ClientRecorder client(true);
        ServerBytes bytes;
        bytes.control(type::set_peer_bandwidth, 2'500'000);
        const std::string connected = selector + "\x02\x00\x07_result"s + number(0) + "\x05" +
                                      info("NetConnection.Connect.Success");
        const std::string created =
            selector + "\x11\x06\x0f_result\x11\x04\x04\x11\x01\x11\x04\x01";
        const std::string started = selector + "\x11\x06\x11onStatus\x11\x04\x00\x11\x01"s +
                                    info("NetStream.Publish.Start");
        bytes.message(type::command_amf3, 0, 0, view(connected))
            .message(type::command_amf3, 0, 0, view(created))
            .message(type::command_amf3, 0, 1, view(started));
        fail_unless(client.feed(bytes.out.view()), "%s", client.error.c_str());
        fail_unless(client.session.has_started(), "%s",
                    std::string(client.session.waits_for()).c_str());
    }
}
GST_END_TEST

GST_START_TEST(test_no_rtmp) {
    const std::pair<std::string_view, const char *> cases[] = {
        {"HTTP/1.1 400", "HTTP"}, {"\x15\x03\x03", "TLS"}, {"\x06", "RTMPE"}, {"\xff", "byte 255"}};
    for (const auto &[bytes, words] : cases) {
        ClientRecorder client(true);
        fail_if(client.feed(view(bytes)));
        fail_unless(client.error.find(words) != std::string::npos, "%s", client.error.c_str());
        fail_unless_equals_int(int(client.session.end()), int(ClientEnd::broken));
        fail_if(client.feed(view("\x03"))); // it stays broken
    }
}
GST_END_TEST

// Deviations of servers for which the connection is not closed.
GST_START_TEST(test_odd_servers) {
    ServerBytes bytes;
    const uint8_t bandwidth[] = {0, 0x26, 0x25, 0xA0};
    bytes.message(type::set_peer_bandwidth, 0, 0, bandwidth, 2);
    bytes.control(type::window_ack_size, 0);
    bytes.result(1);
    bytes.call(0, "onBWDone", 0);
    // AMF3 commands with and without the selector byte.
    for (const bool selector : {true, false}) {
        Writer body;
        if (selector) body.u8(0);
        amf::write_all(body, {amf::string("_result"), amf::number(selector ? 4 : 9), amf::null(),
                              amf::number(5)});
        bytes.message(type::command_amf3, 0, 0, body.view());
    }
    bytes.status("status", "NetStream.Publish.Start");
    ClientRecorder client(true);
    fail_unless(client.feed(bytes.out.view()), "%s", client.error.c_str());
    fail_unless(client.session.has_started());
    fail_unless_equals_int(client.session.stream_id(), 5);
}
GST_END_TEST

// A publisher's server sends no media: a large message is refused before it is complete.
GST_START_TEST(test_bounds) {
    ServerBytes bytes;
    bytes.created().status("status", "NetStream.Publish.Start");
    Writer head;
    rtmp::write_first_header(head, 6, type::video, 0, 0xFFFFFF, 1);
    ClientRecorder client(true);
    fail_unless(client.feed(bytes.out.view()));
    fail_if(client.feed(head.view()));
    // Endless pings whose answers the server does not read.
    ClientRecorder busy(true);
    busy.feed(ServerBytes().created().out.view());
    Client pings;
    Writer ping;
    ping.u16(rtmp::user_control::ping_request).u32(1);
    for (int i = 0; i < 20000; ++i)
        pings.message(type::user_control, 0, 0, ping.view(), 2);
    fail_if(busy.feed(pings.out.view()));
    fail_unless(busy.error.find("does not read") != std::string::npos);
}
GST_END_TEST

GST_START_TEST(test_metadata) {
    Writer body;
    body.u8(2).u16(10).text("onMetaData").u8(8).u32(2).u16(5).text("width").u8(0).f64(320);
    body.u16(9).text("framerate").u8(0).f64(25).u16(0).u8(9);
    const auto made = rtmp::publisher_metadata(body.view());
    std::vector<amf::Value> values;
    fail_unless(amf::read_all(made, values).is_ok());
    fail_unless_equals_int(values.size(), 3);
    fail_unless_equals_string(values[0].text.c_str(), "@setDataFrame");
    fail_unless_equals_string(values[1].text.c_str(), "onMetaData");
    fail_unless_equals_string(values[2].properties[0].name.c_str(), "framerate");
    fail_unless_equals_float(values[2].properties[0].value.number, 25);
    fail_unless_equals_string(values[2].properties[1].name.c_str(), "width");
    // A repetition changes nothing; an event that can't be parsed is passed on.
    fail_unless(rtmp::publisher_metadata(made) == made);
    const auto odd = rtmp::publisher_metadata(view("\x02\x05"));
    fail_unless_equals_int(odd.size(), 16 + 2);
}
GST_END_TEST

GST_START_TEST(test_urls) {
    struct {
        const char *location, *key;
        bool tls;
        const char *host;
        int port;
        const char *app, *name, *tc_url, *shown;
    } const cases[] = {
        {"rtmp://h/live/cam", "", false, "h", 1935, "live", "cam", "rtmp://h/live",
         "rtmp://h/live"},
        {"rtmps://h:443/live2?backup=1", "k?x=1", true, "h", 443, "live2?backup=1", "k?x=1",
         "rtmps://h/live2?backup=1", "rtmps://h/live2"},
        {"rtmp://h:1936/a/b/n?t=a/b", "", false, "h", 1936, "a/b", "n?t=a/b", "rtmp://h:1936/a/b",
         "rtmp://h:1936/a/b"},
        {"rtmp://h/live2?backup=1/k", "", false, "h", 1935, "live2?backup=1", "k",
         "rtmp://h/live2?backup=1", "rtmp://h/live2"},
        {"rtmp://[::1]:19/app/", "k", false, "::1", 19, "app", "k", "rtmp://[::1]:19/app",
         "rtmp://[::1]:19/app"},
    };
    for (const auto &each : cases) {
        std::string error;
        const auto url = rtmp::parse_client_url(each.location, each.key, true, &error);
        fail_unless(url.has_value(), "%s: %s", each.location, error.c_str());
        fail_unless_equals_int(url->tls, each.tls);
        fail_unless_equals_string(url->host.c_str(), each.host);
        fail_unless_equals_int(url->port, each.port);
        fail_unless_equals_string(url->request.app.c_str(), each.app);
        fail_unless_equals_string(url->request.name.c_str(), each.name);
        fail_unless_equals_string(url->request.tc_url.c_str(), each.tc_url);
        fail_unless_equals_string(url->shown.c_str(), each.shown);
    }
    for (const char *bad :
         {"", "http://h/live/k3y", "rtmp://", "rtmp://h", "rtmp://h/k3y", "rtmp://h:99999/live/k3y",
          "rtmp://h:x/live/k3y", "rtmp://h/a b/k3y", "rtmp://me:k3y@h/live/x",
          "rtmp://[::1/live/k3y", "rtmp://:1/live/k3y"}) {
        std::string error;
        fail_if(rtmp::parse_client_url(bad, "", true, &error).has_value(), "%s", bad);
        fail_unless(!error.empty() && error.find("k3y") == error.npos, "%s", error.c_str());
    }
}
GST_END_TEST

static Suite *client_session_suite() {
    Suite *suite = suite_create("rtmp_client_session");
    TCase *tests = tcase_create("session");
    tcase_add_test(tests, test_publish);
    tcase_add_test(tests, test_app_keeps_query);
    tcase_add_test(tests, test_waits_for_start);
    tcase_add_test(tests, test_play);
    tcase_add_test(tests, test_cut_anywhere);
    tcase_add_test(tests, test_refusals);
    tcase_add_test(tests, test_reconnect_request);
    tcase_add_test(tests, test_amf3_answers);
    tcase_add_test(tests, test_no_rtmp);
    tcase_add_test(tests, test_odd_servers);
    tcase_add_test(tests, test_bounds);
    tcase_add_test(tests, test_metadata);
    tcase_add_test(tests, test_urls);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(client_session);
