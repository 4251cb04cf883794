// SPDX-License-Identifier: LGPL-2.1-or-later
// Stream ids of SRT callers, in all the forms that programs send, and the URLs of clients.
#include "core/srt/client_url.h"
#include "core/srt/stream_id.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::srt;

namespace {

StreamId good(std::string_view text) {
    ParsedId parsed = parse_stream_id(text);
    fail_unless(parsed.wrong == Wrong::nothing, "%s: %s", std::string(text).c_str(),
                parsed.reason.c_str());
    return parsed.id;
}

void is_wrong(std::string_view text, Wrong wrong, const char *reason) {
    const ParsedId parsed = parse_stream_id(text);
    fail_unless(parsed.wrong == wrong && parsed.reason.find(reason) != std::string::npos, "%s: %s",
                std::string(text).c_str(), parsed.reason.c_str());
}

} // namespace

GST_START_TEST(test_keys) {
    StreamId id = good("#!::r=live/cam,m=publish");
    fail_unless(id.mode == Mode::publish && id.path == "live/cam" && id.key.empty());
    id = good("#!::u=admin,r=/live/cam,h=example.org,s=secret,t=stream,x=1,latency=20");
    fail_unless(id.mode == Mode::request && id.path == "live/cam" && id.host == "example.org");
    fail_unless_equals_string(id.key.c_str(), "secret");
    fail_unless_equals_string(id.query.c_str(), "user=admin&x=1&latency=20");
    // A key in the query, or as a key of its own, counts more than the session.
    fail_unless_equals_string(good("#!::r=live/cam?key=a,s=b").key.c_str(), "a");
    fail_unless_equals_string(good("#!::r=live/cam,key=a,s=b").key.c_str(), "a");
    // SRS, before it had r.
    id = good("#!::h=live/cam,m=publish");
    fail_unless(id.path == "live/cam" && id.host.empty() && id.mode == Mode::publish);
    fail_unless(good("#!::h=127.0.0.1,r=live/cam,m=request").path == "live/cam");
    fail_unless(good("#!::r=live/cam,,=,m=play,").path == "live/cam");
}
GST_END_TEST

GST_START_TEST(test_colons) {
    fail_unless(good("publish:live/cam").mode == Mode::publish);
    fail_unless(good("read:live/cam").mode == Mode::request);
    fail_unless(good("play:live/cam").path == "live/cam");
    StreamId id = good("publish:live/cam:key=K&x=1");
    fail_unless(id.key == "K" && id.query == "key=K&x=1");
    id = good("publish:live/cam:me:pass");
    fail_unless(id.key == "pass" && id.query == "user=me");
    id = good("publish:live/cam:me:pass:key=K");
    fail_unless(id.key == "K" && id.query == "user=me&key=K");
    is_wrong("publish:a:b:c:d:e", Wrong::syntax, "too many colons");
    is_wrong("request:live/cam", Wrong::mode, "mode is not served");
    is_wrong("write:live/cam", Wrong::mode, "mode is not served");
}
GST_END_TEST

GST_START_TEST(test_bare) {
    fail_unless(good("live/cam").path == "live/cam" && good("live/cam").mode == Mode::request);
    fail_unless(good("cam").path == "cam");
    fail_unless(good("/live/cam").path == "live/cam");
    fail_unless(good("live/cam?key=a:b").key == "a:b");
    fail_unless(good(std::string_view("live/cam\0", 9)).path == "live/cam");
}
GST_END_TEST

GST_START_TEST(test_refused) {
    is_wrong("", Wrong::syntax, "names no stream");
    is_wrong("#!::", Wrong::syntax, "names no stream");
    is_wrong("#!::m=publish", Wrong::syntax, "names no stream");
    is_wrong("publish:", Wrong::syntax, "names no stream");
    is_wrong("#!:{r:live/cam}", Wrong::syntax, "braces");
    is_wrong("#!::r=live/cam,m=bidirectional", Wrong::mode, "mode is not served");
    is_wrong("#!::r=live/cam,t=file", Wrong::type, "'file'");
    for (const char *path : {"../etc/passwd", "live/../x", "live//x", "live/a b", "live/<b>",
                             "a/b/c/d/e/f/g/h/i", "live/\xC3\xA9", "live/.", "%2e%2e/x"}) {
        is_wrong(path, Wrong::syntax, "not a legal stream name");
        is_wrong("publish:" + std::string(path), Wrong::syntax, "not a legal stream name");
        is_wrong("#!::r=" + std::string(path), Wrong::syntax, "not a legal stream name");
    }
    const std::string name(max_stream_id - 13, 'x');
    is_wrong("publish:live/" + name, Wrong::syntax, "not a legal"); // 512 bytes, one name too long
    is_wrong("publish:live/" + name + "y", Wrong::syntax, "more than 512 bytes");
    std::string longest = "publish:live/cam:key=";
    longest.resize(max_stream_id, 'k');
    fail_unless_equals_int(int(good(longest).key.size()), 512 - 21);
    // Keys get into no log.
    for (const char *id : {"publish:live/c m:secret", "publish:live/cam:a:secret:b:c:d",
                           "#!::r=live/ü,m=publish,s=secret", "#!::r=live/cam,m=secret",
                           "live/c m?key=secret", "secret:live/cam", "live/cam,key=secret"})
        fail_unless(parse_stream_id(id).reason.find("secret") == std::string::npos, "%s", id);
    // What is refused is shown, cut, and without what a terminal would obey.
    const std::string reason = parse_stream_id("live/\x1b[2J" + std::string(200, '!')).reason;
    fail_unless(reason.find('\x1b') == reason.npos && reason.size() < 300);
}
GST_END_TEST

GST_START_TEST(test_urls) {
    std::string error;
    auto url = parse_client_url(
        "srt://example.org:9000?mode=caller&streamid=#!::r=live/cam,m=publish&latency=200&"
        "pbkeylen=24&passphrase=a%20secret%26&unknown&x=",
        true, &error);
    fail_unless(url && url->mode == LinkMode::caller && url->host == "example.org", "%s",
                error.c_str());
    fail_unless(url->port == 9000 && url->stream_id == "#!::r=live/cam,m=publish");
    fail_unless(url->latency_ms == 200u && url->key_length == 24u);
    fail_unless(url->passphrase == "a secret&" && url->shown == "srt://example.org:9000");
    url = parse_client_url("srt://[::1]:9000/live/cam", true, &error);
    fail_unless(url && url->host == "::1" && url->stream_id == "publish:live/cam");
    url = parse_client_url("srt://127.0.0.1:9000/live/cam", false, &error);
    fail_unless(url && url->stream_id == "read:live/cam");
    url = parse_client_url("srt://:9000", false, &error);
    fail_unless(url && url->mode == LinkMode::listener && url->host.empty());
    const auto fails = [&](const char *text, const char *reason) {
        fail_unless(!parse_client_url(text, false, &error));
        fail_unless(error.find(reason) != error.npos, "%s: %s", text, error.c_str());
        fail_unless(error.find("secret") == error.npos);
    };
    fails("rtmp://h:1", "write srt://");
    fails("srt://h", "with the port");
    fails("srt://h:0?passphrase=secret", "with the port");
    fails("srt://h:1?mode=x&passphrase=secret", "mode is");
    fails("srt://h:1?latency=120000", "milliseconds");
    fails("srt://h:1?pbkeylen=x", "pbkeylen");
    fails("srt://:1?mode=caller", "the host is missing");
    fails("srt://h:1/../x", "no stream's name");
    fail_unless_equals_string(without_secrets("srt://h:1?passphrase=x&a=b&mode=caller").c_str(),
                              "srt://h:1?passphrase=(set)&a=(set)&mode=caller");
    // An id with an ampersand that is not escaped, and a parameter that is there twice.
    fail_unless_equals_string(
        without_secrets(
            "srt://h:1?streamid=publish:a:key=k&x=k&passphrase=k&latency=1&passphrase=k")
            .c_str(),
        "srt://h:1?streamid=(set)&x=(set)&passphrase=(set)&latency=1&passphrase=(set)");
    fail_unless_equals_string(without_secrets("srt://h:1/live/cam").c_str(), "srt://h:1/live/cam");
    fail_unless_equals_string(without_secrets("srt://h:1?secret").c_str(), "srt://h:1?(set)");
}
GST_END_TEST

static Suite *srt_stream_id_suite() {
    Suite *s = suite_create("srt_stream_id");
    TCase *tc = tcase_create("parse");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_keys);
    tcase_add_test(tc, test_colons);
    tcase_add_test(tc, test_bare);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_urls);
    return s;
}
GST_CHECK_MAIN(srt_stream_id)
