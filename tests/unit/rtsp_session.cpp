// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of an RTSP session: which requests are valid when, and what is answered.
#include "core/net/tls/random.h"
#include "core/rtsp/server_session.h"

#include <string>

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtsp;

namespace {

/// A session whose handler accepts everything at once, or nothing.
class Server final : public ServerSession::Handler {
public:
    ServerSession session{*this, "Test", net::secure_random};
    std::string log;
    bool silent = false;

    void on_describe(const Request &, const Target &target) override {
        log += "describe " + target.path + "?" + target.query + "\n";
        if (!silent) session.accept_describe("v=0\r\n", target.base + "/");
    }
    void on_announce(const Request &request, const Target &target) override {
        log += "announce " + target.path + " " + request.body + "\n";
        if (!silent) session.accept_announce({"streamid=0", "rtsp://h/other/2"});
    }
    void on_setup(const Request &, const Target &target, size_t track,
                  const std::vector<Transport> &transports) override {
        log += "setup " + target.path + " " + std::to_string(track) + "\n";
        if (!silent) session.accept_setup(transports.front());
    }
    void on_play(const Request &) override {
        log += "play\n";
        if (!silent) session.accept_play({{"rtsp://h/x/trackID=0", 1, 2}});
    }
    void on_pause() override {
        log += "pause\n";
        session.accept_pause();
    }
    void on_record(const Request &) override {
        log += "record\n";
        session.accept_record();
    }
    void on_teardown() override { log += "teardown\n"; }
    void on_keepalive() override { ++requests; }
    bool on_interleaved(uint8_t channel, ByteView payload) override {
        log += "packet " + std::to_string(channel) + " " + std::to_string(payload.size()) + "\n";
        return true;
    }
    void on_http(const Request &request) override { log += "http " + request.uri + "\n"; }
    int requests = 0;

    /// Sends a request, with the session's id if there is one, and returns the status.
    unsigned ask(const std::string &line, const std::string &headers = {},
                 const std::string &body = {}) {
        std::string text =
            line + " RTSP/1.0\r\nCSeq: " + std::to_string(++cseq_) + "\r\n" + headers;
        if (!id.empty()) text += "Session: " + id + "\r\n";
        if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        return send(text + "\r\n" + body);
    }
    unsigned send(const std::string &text) {
        fail_if(
            session.feed({reinterpret_cast<const uint8_t *>(text.data()), text.size()}).is_error());
        const auto bytes = session.take_output();
        answer.assign(bytes.begin(), bytes.end());
        if (answer.empty()) return 0;
        const size_t at = answer.find("Session: ");
        if (at != answer.npos) id = answer.substr(at + 9, 16);
        fail_unless(answer.find("CSeq: " + std::to_string(cseq_) + "\r\n") != answer.npos, "%s",
                    answer.c_str());
        return unsigned(std::stoul(answer.substr(9, 3)));
    }
    bool has(const std::string &text) const { return answer.find(text) != answer.npos; }
    std::string answer, id;

private:
    int cseq_ = 0;
};

const std::string tcp = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";

} // namespace

GST_START_TEST(test_targets) {
    const auto text = [](const char *uri) {
        const Target target = parse_target(uri);
        return target.path + "|" + target.query + "|" +
               (target.track ? std::to_string(*target.track) : "-") + "|" + target.base;
    };
    fail_unless_equals_string(text("rtsp://h:8554/live/cam/trackID=1?key=a"),
                              "live/cam|key=a|1|rtsp://h:8554/live/cam");
    fail_unless_equals_string(text("rtsp://h/live/cam?key=a/trackID=3/"),
                              "live/cam|key=a|3|rtsp://h/live/cam");
    fail_unless_equals_string(text("/live/c%61m/"), "live/cam||-|/live/c%61m");
    fail_unless_equals_string(text("rtsp://u:p@h/live/cam/trackID=99"),
                              "live/cam/trackID=99||-|rtsp://u:p@h/live/cam/trackID=99");
    fail_unless_equals_string(text("*"), "*||-|*");
}
GST_END_TEST

GST_START_TEST(test_playing) {
    Server one;
    fail_unless_equals_int(one.ask("OPTIONS *"), 200);
    fail_unless(one.has("DESCRIBE") && one.has("GET_PARAMETER"));
    fail_unless_equals_int(one.ask("PLAY rtsp://h/x"), 454);
    fail_unless_equals_int(one.ask("DESCRIBE rtsp://h/x?a=b"), 200);
    fail_unless(one.has("Content-Base: rtsp://h/x/\r\n") && one.has("Content-Length: 5"));
    fail_unless_equals_int(one.ask("SETUP rtsp://h/x/trackID=0"), 461);
    fail_unless_equals_int(one.ask("SETUP rtsp://h/x/trackID=0", tcp), 200);
    fail_unless(one.has(";timeout=60") && one.has("interleaved=0-1"));
    fail_unless_equals_int(one.ask("SETUP rtsp://h/x/trackID=1", tcp), 200);
    fail_unless_equals_int(one.ask("SETUP rtsp://h/x/trackID=1", tcp), 200);
    fail_unless_equals_int(one.ask("PLAY rtsp://h/x", "Range: npt=now-\r\n"), 200);
    fail_unless(one.has("RTP-Info: url=rtsp://h/x/trackID=0;seq=1;rtptime=2"));
    fail_unless_equals_int(one.ask("SETUP rtsp://h/x/trackID=0", tcp), 455);
    fail_unless_equals_int(one.ask("DESCRIBE rtsp://h/x"), 200);
    fail_unless_equals_int(one.ask("GET_PARAMETER rtsp://h/x"), 200);
    fail_unless_equals_int(one.ask("SET_PARAMETER rtsp://h/x", "", "volume: 11"), 451);
    fail_unless_equals_int(one.ask("PAUSE rtsp://h/x"), 200);
    fail_unless_equals_int(one.ask("PAUSE rtsp://h/x"), 200);
    fail_unless_equals_int(one.ask("PLAY rtsp://h/x"), 200);
    fail_unless_equals_int(one.ask("RECORD rtsp://h/x"), 455);
    fail_unless_equals_int(one.ask("TEARDOWN rtsp://h/x"), 200);
    fail_unless_equals_int(one.ask("PLAY rtsp://h/x"), 454);
    fail_unless_equals_string(one.log, "describe x?a=b\nsetup x 0\nsetup x 1\nsetup x 1\nplay\n"
                                       "describe x?\npause\nplay\nteardown\n");
}
GST_END_TEST

GST_START_TEST(test_recording) {
    Server one;
    fail_unless_equals_int(one.ask("ANNOUNCE rtsp://h/x", "Content-Type: text/html\r\n", "z"), 415);
    fail_unless_equals_int(
        one.ask("ANNOUNCE rtsp://h/x", "Content-Type: application/sdp\r\n", "v=0"), 200);
    fail_unless_equals_int(one.ask("ANNOUNCE rtsp://h/x", "", "v=0"), 455);
    fail_unless_equals_int(one.ask("RECORD rtsp://h/x"), 454);
    fail_unless_equals_int(one.ask("SETUP rtsp://h/x/unknown", tcp), 404);
    fail_unless_equals_int(one.ask("SETUP rtsp://h/x/streamid=0", tcp), 200);
    fail_unless_equals_int(one.ask("SETUP rtsp://h/other/2", tcp), 200);
    fail_unless_equals_int(one.ask("PLAY rtsp://h/x"), 455);
    fail_unless_equals_int(one.ask("RECORD rtsp://h/x"), 200);
    fail_unless_equals_int(one.ask("RECORD rtsp://h/x"), 200);
    one.send(std::string("$\x00\x00\x02zz", 6));
    fail_unless_equals_int(one.ask("TEARDOWN rtsp://h/x"), 200);
    fail_unless_equals_string(one.log,
                              "announce x v=0\nsetup x/streamid=0 0\nsetup other/2 1\nrecord\n"
                              "packet 0 2\nteardown\n");
}
GST_END_TEST

GST_START_TEST(test_odd_requests) {
    Server one;
    fail_unless_equals_int(one.ask("FLY rtsp://h/x"), 501);
    fail_unless_equals_int(one.ask("REDIRECT rtsp://h/x"), 405);
    fail_unless_equals_int(one.ask("DESCRIBE rtsp://h/x", "Require: magic\r\n"), 551);
    fail_unless(one.has("Unsupported: magic"));
    fail_unless_equals_int(one.ask("PLAY rtsp://h/x", "Session: nobody\r\n"), 454);
    fail_unless_equals_int(
        one.ask("SETUP rtsp://h/x/trackID=0", "Transport: RTP/AVP;unicast;mode=record\r\n"), 455);
    // Without a CSeq, or with one that is none, it is a bad request; another version is refused.
    const auto raw = [](const std::string &text) {
        Server other;
        (void)other.session.feed({reinterpret_cast<const uint8_t *>(text.data()), text.size()});
        const auto bytes = other.session.take_output();
        return std::string(bytes.begin(), bytes.end()).substr(0, 12);
    };
    fail_unless_equals_string(raw("OPTIONS * RTSP/1.0\r\n\r\n"), "RTSP/1.0 400");
    fail_unless_equals_string(raw("OPTIONS * RTSP/1.0\r\nCSeq: -5\r\n\r\n"), "RTSP/1.0 400");
    fail_unless_equals_string(raw("OPTIONS * RTSP/2.0\r\nCSeq: 5\r\n\r\n"), "RTSP/1.0 505");
}
GST_END_TEST

GST_START_TEST(test_one_request_is_pending) {
    Server one;
    one.silent = true;
    fail_unless_equals_int(one.ask("DESCRIBE rtsp://h/x"), 0);
    fail_unless(one.session.is_pending());
    one.session.refuse(404, {}, "no such stream\r\nEvil: x");
    const auto bytes = one.session.take_output();
    const std::string text(bytes.begin(), bytes.end());
    fail_unless(text.starts_with("RTSP/1.0 404 no such stream  Evil: x\r\n"), "%s", text.c_str());
    // What comes behind a pending request waits for its answer.
    const std::string two = "DESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 8\r\n\r\n"
                            "DESCRIBE rtsp://h/b RTSP/1.0\r\nCSeq: 9\r\n\r\n";
    one.log.clear();
    (void)one.session.feed({reinterpret_cast<const uint8_t *>(two.data()), two.size()});
    fail_unless_equals_string(one.log, "describe a?\n");
    (void)one.session.resume();
    fail_unless_equals_string(one.log, "describe a?\n");
    one.session.refuse(404);
    (void)one.session.resume();
    fail_unless_equals_string(one.log, "describe a?\ndescribe b?\n");
}
GST_END_TEST

static Suite *rtsp_session_suite() {
    Suite *suite = suite_create("rtsp_session");
    TCase *cases = tcase_create("session");
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, test_targets);
    tcase_add_test(cases, test_playing);
    tcase_add_test(cases, test_recording);
    tcase_add_test(cases, test_odd_requests);
    tcase_add_test(cases, test_one_request_is_pending);
    return suite;
}

GST_CHECK_MAIN(rtsp_session)
