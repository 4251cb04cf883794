// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of HTTP/2 against libnghttp2's client: requests, answers of every kind, their
// order, windows, the connection's end.
#include "core/http2/session.h"
#include "unit/http2_session_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace http2_session_test;
using http2_test::Client;

GST_START_TEST(test_requests_and_answers) {
    Pair pair;
    pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &fields, bool) {
        fail_unless(fields.method() == "GET");
        fail_unless(fields.get("Host") == "test");
        fail_unless(fields.get("Cookie") == "a=1; b=2");
        fail_unless(fields.get("ACCEPT") == "*/*");
        fail_unless(fields.get("none").empty());
        const bool none = fields.path() == "/none";
        pair.server.answer(stream, {none ? 304u : 200u, {{"content-type", "text/plain"}}},
                           none ? "" : "for " + std::string(fields.path()));
    };
    const http2_test::Headers headers{{"cookie", "a=1"}, {"accept", "*/*"}, {"cookie", "b=2"}};
    const int32_t one = pair.client.get("/a", headers), other = pair.client.get("/b?c", headers),
                  none = pair.client.get("/none", headers);
    pair.run();
    fail_unless_equals_int(pair.client.answers[one].status, 200);
    fail_unless_equals_string(pair.client.answers[one].body.c_str(), "for /a");
    fail_unless_equals_string(pair.client.answers[other].body.c_str(), "for /b?c");
    fail_unless_equals_string(pair.client.answers[one].headers["content-type"].c_str(),
                              "text/plain");
    fail_unless_equals_int(pair.client.answers[none].status, 304);
    for (const int32_t each : {one, other, none})
        fail_unless(pair.client.answers[each].complete && pair.client.answers[each].closed);
    fail_unless_equals_int(pair.server.closed.size(), 3);
    for (const auto &[stream, answered] : pair.server.closed)
        fail_unless(answered);
    fail_unless_equals_int(pair.server.session.streams(), 0);
    fail_if(pair.client.failed);
}
GST_END_TEST

// Cutting the input anywhere changes nothing.
GST_START_TEST(test_input_in_pieces) {
    for (const size_t step : {size_t(1), size_t(2), size_t(7), size_t(100), SIZE_MAX}) {
        Pair pair;
        pair.step = step;
        pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &, bool) {
            pair.server.session.want_body(stream);
        };
        pair.server.on_end = [&](uint32_t stream) {
            pair.server.answer(stream, {}, pair.server.bodies[stream]);
        };
        const std::string body = numbered(5000);
        const int32_t one = pair.client.request("POST", "/", {}, body);
        pair.run();
        fail_unless(pair.client.answers[one].body == body);
    }
}
GST_END_TEST

// Bodies leave as views of their own memory, in frames that fill a TLS record.
GST_START_TEST(test_no_copies) {
    Pair pair;
    const Bytes body = Bytes::copy_of(numbered(50'000));
    pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &, bool) {
        pair.server.session.answer(stream, {}, body);
    };
    const int32_t one = pair.client.get("/");
    pair.in(pair.client.output());
    size_t views = 0, copied = 0;
    for (;;) {
        const auto &parts = pair.server.session.produce();
        if (parts.empty()) break;
        std::string bytes;
        for (const iovec &part : parts) {
            const auto *data = static_cast<const uint8_t *>(part.iov_base);
            const bool is_view = data >= body.begin() && data < body.end();
            (is_view ? views : copied) += part.iov_len;
            bytes.append(static_cast<const char *>(part.iov_base), part.iov_len);
        }
        pair.server.session.sent(bytes.size());
        pair.client.input(bytes);
    }
    fail_unless_equals_int(views, 50'000);
    fail_unless(copied < 300, "%zu", copied);
    fail_unless(pair.client.answers[one].body.size() == 50'000);
    fail_unless_equals_int(pair.client.sizes[0], 16'375);
    fail_unless_equals_int(pair.client.sizes.size(), 4);
}
GST_END_TEST

// A body of any size goes through the windows that the client has; another stream is not kept
// waiting by one whose window is shut.
GST_START_TEST(test_windows) {
    Pair pair({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000}}, false);
    const std::string large = numbered(300'000);
    pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &fields, bool) {
        pair.server.answer(stream, {}, fields.path() == "/large" ? large : "small");
    };
    const int32_t one = pair.client.get("/large");
    pair.run();
    fail_unless_equals_int(pair.client.answers[one].body.size(), 1000);
    const int32_t other = pair.client.get("/small");
    pair.run();
    fail_unless(pair.client.answers[other].complete);
    while (!pair.client.answers[one].complete) {
        const size_t before = pair.client.answers[one].body.size();
        nghttp2_submit_window_update(pair.client.session.get(), 0, one, 7000);
        nghttp2_submit_window_update(pair.client.session.get(), 0, 0, 7000);
        pair.run();
        fail_unless(pair.client.answers[one].body.size() > before);
    }
    fail_unless(pair.client.answers[one].body == large);
}
GST_END_TEST

// What is more urgent is sent first, although it was answered last.
GST_START_TEST(test_urgency) {
    Pair pair;
    pair.client.input({}); // nothing
    std::map<std::string, uint32_t> streams;
    pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &fields, bool) {
        streams[std::string(fields.path())] = stream;
    };
    const int32_t part = pair.client.get("/part"), list = pair.client.get("/list");
    pair.run();
    http2::Head media, playlist;
    media.urgency = 3;
    playlist.urgency = 1;
    pair.server.answer(streams["/part"], media, numbered(30'000));
    pair.server.answer(streams["/list"], playlist, numbered(20'000));
    pair.run();
    fail_unless(pair.client.order.size() >= 4);
    fail_unless_equals_int(pair.client.order.front(), list);
    fail_unless_equals_int(pair.client.order.back(), part);
    fail_unless_equals_string(pair.client.answers[list].headers["priority"].c_str(), "u=1");
    fail_unless_equals_string(pair.client.answers[part].headers["priority"].c_str(), "u=3");
    // The client's own wish counts where the server has none.
    const int32_t late = pair.client.get("/late", {{"priority", "u=6"}}),
                  soon = pair.client.get("/soon", {{"priority", "u=0"}});
    pair.run();
    pair.client.order.clear();
    pair.server.answer(streams["/late"], {}, numbered(30'000));
    pair.server.answer(streams["/soon"], {}, numbered(20'000));
    pair.run();
    fail_unless_equals_int(pair.client.order.front(), soon);
    fail_unless_equals_int(pair.client.order.back(), late);
    fail_unless(pair.client.answers[late].headers.count("priority") == 0);
}
GST_END_TEST

// A body that is made while it is sent: its producer is told when there is room.
GST_START_TEST(test_produced_bodies) {
    Pair pair;
    uint32_t stream = 0;
    pair.server.on_request_do = [&](uint32_t id, const http2::Fields &, bool) {
        stream = id;
        pair.server.session.begin_answer(id, {});
    };
    const int32_t one = pair.client.get("/");
    pair.run();
    fail_unless_equals_int(pair.client.answers[one].status, 200);
    std::string all;
    for (int i = 0; i < 20; ++i) {
        const std::string piece = numbered(size_t(i) * 700);
        all += piece;
        pair.server.session.write(stream, Bytes::copy_of(piece));
        pair.run();
        fail_unless(pair.client.answers[one].body == all);
        fail_unless_equals_int(pair.server.written[stream], all.size());
    }
    fail_if(pair.client.answers[one].complete);
    pair.server.session.end(stream);
    pair.run();
    fail_unless(pair.client.answers[one].complete);
    // One that is given up is seen to be incomplete.
    const int32_t broken = pair.client.get("/");
    pair.run();
    pair.server.session.write(stream, Bytes::copy_of(std::string("half")));
    pair.run();
    pair.server.session.reset(stream, http2::Error::internal);
    pair.server.session.write(stream, Bytes::copy_of(std::string("more")));
    pair.run();
    fail_unless(pair.client.answers[broken].closed && !pair.client.answers[broken].complete);
    fail_unless_equals_int(pair.client.answers[broken].error, NGHTTP2_INTERNAL_ERROR);
    fail_unless_equals_string(pair.client.answers[broken].body.c_str(), "half");
}
GST_END_TEST

// Of a request's body no more comes than what somebody wants to read.
GST_START_TEST(test_request_bodies) {
    Pair pair;
    uint32_t stream = 0;
    pair.server.on_request_do = [&](uint32_t id, const http2::Fields &, bool has_body) {
        fail_unless(has_body);
        stream = id;
    };
    const std::string body = numbered(500'000);
    const int32_t one = pair.client.request("POST", "/", {}, body);
    pair.run();
    fail_unless_equals_int(pair.server.bodies[stream].size(), 65'535);
    pair.server.session.want_body(stream);
    pair.run();
    fail_unless(pair.server.bodies[stream] == body);
    fail_unless(pair.server.ended.count(stream));
    pair.server.answer(stream, {}, "thanks");
    pair.run();
    fail_unless_equals_string(pair.client.answers[one].body.c_str(), "thanks");
    // One that is answered early is not read to its end, and others have the connection's window.
    const int32_t early = pair.client.request("POST", "/", {}, body);
    pair.run();
    pair.server.answer(stream, {413}, "too large");
    pair.run();
    fail_unless_equals_string(pair.client.answers[early].body.c_str(), "too large");
    fail_unless(pair.client.answers[early].complete && pair.client.answers[early].closed);
    fail_unless_equals_int(pair.client.answers[early].error, NGHTTP2_NO_ERROR);
    const int32_t next = pair.client.request("POST", "/", {}, body);
    pair.run();
    pair.server.session.want_body(stream);
    pair.run();
    fail_unless(pair.server.bodies[stream] == body);
    pair.server.answer(stream, {}, "");
    pair.run();
    fail_unless(pair.client.answers[next].complete);
}
GST_END_TEST

// A client that no longer wants an answer disturbs no other.
GST_START_TEST(test_resets) {
    Pair pair;
    std::vector<uint32_t> streams;
    pair.server.on_request_do = [&](uint32_t id, const http2::Fields &, bool) {
        streams.push_back(id);
    };
    const int32_t gone = pair.client.get("/"), waits = pair.client.get("/"),
                  amid = pair.client.get("/");
    pair.run();
    nghttp2_submit_rst_stream(pair.client.session.get(), 0, gone, NGHTTP2_CANCEL);
    pair.run();
    fail_unless_equals_int(pair.server.closed.size(), 1);
    fail_unless_equals_int(pair.server.closed[0].first, gone);
    fail_if(pair.server.closed[0].second);
    pair.server.answer(uint32_t(gone), {}, "into the void");
    pair.server.answer(uint32_t(amid), {}, numbered(200'000));
    pair.in(pair.client.output());
    fail_unless(pair.server.session.produce().size() > 1);
    nghttp2_submit_rst_stream(pair.client.session.get(), 0, amid, NGHTTP2_CANCEL);
    pair.run();
    pair.server.answer(uint32_t(waits), {}, numbered(100'000));
    pair.run();
    fail_unless(pair.client.answers[waits].body == numbered(100'000));
    fail_if(pair.client.failed || pair.client.goodbye);
}
GST_END_TEST

// The server ends: what was asked is answered, what is asked later is left to another connection.
GST_START_TEST(test_shutdown) {
    Pair pair;
    uint32_t stream = 0;
    pair.server.on_request_do = [&](uint32_t id, const http2::Fields &, bool) { stream = id; };
    const int32_t one = pair.client.get("/");
    pair.run();
    pair.server.session.shutdown();
    pair.run();
    fail_unless(pair.client.goodbye);
    fail_unless_equals_int(pair.client.goodbye_error, NGHTTP2_NO_ERROR);
    fail_unless_equals_int(pair.client.goodbye_last, one);
    fail_if(pair.server.session.is_over());
    pair.server.answer(stream, {}, numbered(70'000));
    pair.run();
    fail_unless(pair.client.answers[one].complete);
    fail_unless(pair.server.session.is_over());
}
GST_END_TEST

static Suite *http2_session_suite() {
    Suite *suite = suite_create("http2_session");
    TCase *tests = tcase_create("general");
    tcase_add_test(tests, test_requests_and_answers);
    tcase_add_test(tests, test_input_in_pieces);
    tcase_add_test(tests, test_no_copies);
    tcase_add_test(tests, test_windows);
    tcase_add_test(tests, test_urgency);
    tcase_add_test(tests, test_produced_bodies);
    tcase_add_test(tests, test_request_bodies);
    tcase_add_test(tests, test_resets);
    tcase_add_test(tests, test_shutdown);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(http2_session)
