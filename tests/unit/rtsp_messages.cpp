// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages of RTSP, interleaved frames, URLs, and the values of headers.
#include "core/rtsp/fields.h"
#include "core/rtsp/reader.h"
#include "core/rtsp/transport.h"
#include "core/rtsp/tunnel.h"
#include "core/rtsp/url.h"

#include <string>

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtsp;

namespace {

ByteView view_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

/// Writes down all that comes, one line each.
struct Log final : MessageReader::Handler {
    bool on_request(Request &&request) override {
        text += "request " + request.method_name + " " + request.uri + " " +
                std::to_string(request.cseq().value_or(0)) + " " + request.body + "\n";
        return !pausing;
    }
    bool on_response(Response &&response) override {
        text += "response " + std::to_string(response.status) + " " + response.reason + " " +
                response.body + "\n";
        return !pausing;
    }
    bool on_interleaved(uint8_t channel, ByteView payload) override {
        text += "frame " + std::to_string(channel) + " " + std::to_string(payload.size()) + "\n";
        return !pausing;
    }
    std::string text;
    bool pausing = false;
};

std::string error_of(std::string_view input) {
    Log log;
    MessageReader reader(log);
    const Result result = reader.feed(view_of(input));
    return result.is_error() ? result.reason() : "(none)";
}

std::string written(const char *transports) {
    std::string out;
    for (const Transport &one : parse_transports(transports))
        out += write(one) + "|";
    return out;
}

const std::string conversation =
    "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" + std::string("$\x01\0\x03", 4) +
    "abcRTSP/1.0 200 OK\r\nCSeq: 7\r\nContent-Length: 4\r\n\r\nbody"
    "SET_PARAMETER rtsp://h/x RTSP/1.0\nCseq: 2\ncontent-length: 2\n\nhi\r\n"
    "FOO /y RTSP/1.0\r\nX: a\r\n  b\r\nCSeq: -1\r\n\r\n";
const char conversation_log[] = "request OPTIONS * 1 \nframe 1 3\nresponse 200 OK body\n"
                                "request SET_PARAMETER rtsp://h/x 2 hi\nrequest FOO /y 0 \n";

} // namespace

GST_START_TEST(test_any_split_reads_the_same) {
    const std::string &input = conversation;
    for (size_t split = 0; split <= input.size(); ++split) {
        Log log;
        MessageReader reader(log);
        fail_if(reader.feed(view_of(std::string_view(input).substr(0, split))).is_error());
        fail_if(reader.feed(view_of(std::string_view(input).substr(split))).is_error());
        fail_unless_equals_string(log.text, conversation_log);
    }
    Log log;
    MessageReader reader(log);
    for (const char c : input)
        fail_if(reader.feed(view_of(std::string_view(&c, 1))).is_error());
    fail_unless_equals_string(log.text, conversation_log);
}
GST_END_TEST

GST_START_TEST(test_pauses_keep_the_rest) {
    Log log;
    MessageReader reader(log);
    log.pausing = true;
    fail_unless(
        reader.feed(view_of("PLAY /a RTSP/1.0\r\n\r\nPLAY /b RTSP/1.0\r\n\r\nrest")).is_ok());
    fail_unless(reader.is_paused());
    fail_unless_equals_string(log.text, "request PLAY /a 0 \n");
    fail_unless(reader.resume().is_ok());
    fail_unless_equals_string(log.text, "request PLAY /a 0 \nrequest PLAY /b 0 \n");
    const auto rest = reader.take_rest();
    fail_unless(std::string(rest.begin(), rest.end()) == "rest");
}
GST_END_TEST

GST_START_TEST(test_hostile_messages_are_refused) {
    const std::string head = "OPTIONS * RTSP/1.0\r\n";
    fail_unless(error_of("GARBAGE\r\n\r\n").starts_with("neither a request nor"));
    fail_unless(error_of("OPTIONS * FTP/1.0\r\n\r\n").starts_with("neither a request nor"));
    fail_unless(error_of("RTSP/1.0 abc\r\n\r\n").starts_with("a response without a status"));
    fail_unless(error_of(head + "no colon\r\n\r\n").starts_with("a header line without"));
    fail_unless(error_of(head + "X: \x01\r\n\r\n").starts_with("a control character"));
    fail_unless(error_of(head + "Content-Length: -1\r\n\r\n").starts_with("a Content-Length"));
    fail_unless(error_of(head + "Content-Length: 9999999\r\n\r\n").starts_with("a Content-Len"));
    fail_unless(error_of(head + "X: " + std::string(max_line, 'a') + "\r\n\r\n")
                    .starts_with("a line longer"));
    fail_unless(error_of(std::string(max_head + 1, 'a')).starts_with("a head longer"));
    std::string many = head;
    for (size_t i = 0; i <= max_fields; ++i)
        many += "X: y\r\n";
    fail_unless_equals_string(error_of(many + "\r\n"), "more than 64 header fields");
    std::string folded = head + "X: a\r\n";
    for (int i = 0; i < 30; ++i)
        folded += " " + std::string(1000, 'a') + "\r\n";
    fail_unless(error_of(folded + "\r\n").starts_with("a field longer"));
    // Reasons are logged, and have no secrets.
    fail_unless_equals_string(error_of("PLAY rtsp://me:word@h/x?key=word FTP/1\r\n\r\n"),
                              "neither a request nor a response of RTSP: 'PLAY rtsp://me'");
    fail_unless_equals_string(error_of(head + "Authorization: Basic \x01word\r\n\r\n"),
                              "a control character: 'Authorization'");
    fail_unless_equals_string(error_of("Authorization: Basic word\r\n\r\n"),
                              "neither a request nor a response of RTSP: 'Authorization'");
    fail_unless_equals_string(error_of(head + "Authorization: Basic\r\n \x01word\r\n\r\n"),
                              "a control character: 'Authorization'");
    fail_unless_equals_string(error_of(head + "word\r\n\r\n"),
                              "a header line without a name and a colon");
    Request request;
    for (const char *cseq : {"-1", "4294967296", "x", "1 2", ""}) {
        request.headers = {{"CSeq", cseq}};
        fail_if(request.cseq().has_value(), "%s", cseq);
    }
}
GST_END_TEST

GST_START_TEST(test_writes_messages) {
    Request request;
    request.method = Method::setup;
    request.uri = "rtsp://h/a";
    request.headers.add("CSeq", "3");
    request.headers.add("X", "a\r\nEvil: b");
    fail_unless_equals_string(write(request),
                              "SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\nX: a  Evil: b\r\n\r\n");
    Response response;
    response.status = 454;
    response.headers.add("Content-Length", "99");
    response.body = "xy";
    fail_unless_equals_string(write(response),
                              "RTSP/1.0 454 Session Not Found\r\nContent-Length: 2\r\n\r\nxy");
    fail_unless(frame_head(3, 0x1234) == (std::array<uint8_t, 4>{'$', 3, 0x12, 0x34}));
}
GST_END_TEST

GST_START_TEST(test_transports) {
    fail_unless_equals_string(written("RTP/AVP/TCP;unicast;interleaved=0-1"),
                              "RTP/AVP/TCP;unicast;interleaved=0-1|");
    fail_unless_equals_string(
        written("RTP/AVP/UDP;unicast;client_port=5000;mode=\"PLAY\",rtp/avp/tcp;interleaved=4"),
        "RTP/AVP;unicast;client_port=5000-5001;mode=play|RTP/AVP/TCP;unicast;interleaved=4-5|");
    fail_unless_equals_string(
        written("RTP/AVP;multicast;destination=239.0.0.1;port=3456-3457;ttl=16;ssrc=a1B2"),
        "RTP/AVP;multicast;destination=239.0.0.1;port=3456-3457;ttl=16;ssrc=0000A1B2|");
    fail_unless_equals_string(written("MP2T/H2221/UDP;unicast, ,RTP/SAVP;client_port=1-2"),
                              "RTP/SAVP;unicast;client_port=1-2|");
    fail_unless_equals_string(written("RTP/AVP;client_port=70000-1;ttl=256;interleaved=255"),
                              "RTP/AVP;unicast|");
    fail_unless(parse_transports("RTP/AVP;mode=RECORD").front().is_record());
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += "RTP/AVP,";
    fail_unless_equals_int(int(parse_transports(many).size()), int(max_transports));
}
GST_END_TEST

GST_START_TEST(test_fields) {
    const auto session = parse_session("ab$c ; timeout=30");
    fail_unless(session && session->id == "ab$c" && session->timeout == 30u);
    fail_unless_equals_string(write(*session), "ab$c;timeout=30");
    fail_if(parse_session(";timeout=30") || parse_session("a b"));
    fail_unless(parse_session("x;timeout=0")->timeout == std::nullopt);

    const auto infos = parse_rtp_info("url=rtsp://h/a,b;seq=5;rtptime=6, url=x;seq=70000");
    fail_unless(infos.size() == 2 && infos[0].url == "rtsp://h/a,b" && infos[0].sequence == 5 &&
                infos[0].timestamp == 6u && !infos[1].sequence);
    fail_unless_equals_string(write(infos), "url=rtsp://h/a,b;seq=5;rtptime=6,url=x");

    fail_unless(parse_range("npt=now-")->is_now);
    const auto range = parse_range("npt=1:00:02.5-7300;time=x");
    fail_unless(range && range->start == 3602.5 && range->end == 7300.0);
    fail_unless(parse_range("clock=19961108T142300Z-")->unit == RangeField::Unit::clock);
    fail_if(parse_range("npt=-1e-") || parse_range("x") || parse_range("npt=1:2:3:4-"));
    fail_unless(parse_list(" a, b ,,c").size() == 3);
}
GST_END_TEST

GST_START_TEST(test_urls) {
    const auto url = parse_url("rtsp://ad%3amin:p%40ss@[::1]:8554/live/cam?key=1");
    fail_unless(url && url->user == "ad:min" && url->password == "p@ss" && url->host == "::1");
    fail_unless_equals_string(url->without_user(), "rtsp://[::1]:8554/live/cam?key=1");
    fail_unless_equals_string(url->shown(), "rtsp://[::1]:8554/live/cam");
    fail_unless_equals_string(url->path(), "live/cam");
    fail_unless_equals_string(std::string(url->query()), "key=1");
    fail_unless(parse_url("rtsps://h")->port == 322 && parse_url("RTSP://h/")->port == 554);
    for (const char *wrong : {"", "/x", "http://h/", "rtsp://", "rtsp://h:0/", "rtsp://h:99999/",
                              "rtsp://[::1/", "rtsp://h/ x", "rtsp://h:x/"})
        fail_if(parse_url(wrong).has_value(), "%s", wrong);

    const auto control = [](const char *base, const char *text) { return control_url(base, text); };
    fail_unless_equals_string(control("rtsp://h/a", "*"), "rtsp://h/a");
    fail_unless_equals_string(control("rtsp://h/a/", "track=1"), "rtsp://h/a/track=1");
    fail_unless_equals_string(control("rtsp://h/a?x=1", "t"), "rtsp://h/a?x=1/t");
    fail_unless_equals_string(control("rtsp://h/a/b", "/c"), "rtsp://h/c");
    fail_unless_equals_string(control("rtsp://h/a", "rtsp://g/b"), "rtsp://g/b");
}
GST_END_TEST

GST_START_TEST(test_tunnel) {
    TunnelDecoder decoder;
    std::vector<uint8_t> out;
    fail_unless(decoder.decode(view_of("T1BU"), out).is_ok());
    fail_unless(decoder.decode(view_of("SU9O\r\nUw="), out).is_ok());
    fail_unless(decoder.decode(view_of("=QUI="), out).is_ok());
    fail_unless(std::string(out.begin(), out.end()) == "OPTIONSAB");
    fail_unless(decoder.decode(view_of("a-b"), out).is_error());
    Request request;
    request.headers = {{"X-SessionCookie", "abc"}};
    fail_unless_equals_string(tunnel_cookie(request), "abc");
    request.headers = {{"X-SessionCookie", std::string(200, 'a')}};
    fail_unless_equals_string(tunnel_cookie(request), "");
}
GST_END_TEST

static Suite *rtsp_messages_suite() {
    Suite *suite = suite_create("rtsp_messages");
    TCase *cases = tcase_create("messages");
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, test_any_split_reads_the_same);
    tcase_add_test(cases, test_pauses_keep_the_rest);
    tcase_add_test(cases, test_hostile_messages_are_refused);
    tcase_add_test(cases, test_writes_messages);
    tcase_add_test(cases, test_transports);
    tcase_add_test(cases, test_fields);
    tcase_add_test(cases, test_urls);
    tcase_add_test(cases, test_tunnel);
    return suite;
}

GST_CHECK_MAIN(rtsp_messages)
