// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients of HTTP/2 that flood, lie, stall or never read: each loses its connection, or only the
// stream, and memory stays bounded.
#include "core/http2/session.h"
#include "unit/http2_session_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace http2_session_test;
using http2_test::frame;
using http2_test::get;
using http2_test::greeting;

namespace {

/// A connection that was greeted; its client sends frames made by hand.
struct Hostile {
    explicit Hostile(const http2::Limits &limits = {}) : pair({}, true, limits) {
        pair.in(greeting());
        pair.out();
    }
    /// Sends this up to `most` times; returns how often the server took it.
    size_t flood(const std::function<std::string(size_t)> &frames, size_t most) {
        size_t count = 0;
        for (; count < most && pair.result.is_ok(); ++count) {
            pair.in(frames(count));
            pair.out();
        }
        return count;
    }
    size_t flood(const std::string &frames, size_t most) {
        return flood([&](size_t) { return frames; }, most);
    }
    /// Whether the client was told to calm down, and nothing follows.
    bool told_off() {
        const std::string all = said + pair.out();
        const std::string calm("\0\0\0\x0b", 4);
        return all.find(calm) != all.npos && pair.server.session.is_over();
    }
    bool says(const std::string &text) const {
        return pair.result.is_error() && pair.result.reason().find(text) != std::string::npos;
    }
    Pair pair;
    std::string said;
};

/// Floods and expects the end, which has come after at least `least` of them.
void expect_end(const std::string &frames, const char *reason, size_t least, size_t most) {
    Hostile peer;
    size_t count = 0;
    // The farewell is in the output of the last one.
    for (; count < most && peer.pair.result.is_ok(); ++count) {
        peer.pair.in(frames);
        peer.said = peer.pair.out();
    }
    fail_unless(peer.says(reason), "%s after %zu: %s", reason, count,
                peer.pair.result.reason().c_str());
    fail_unless(count > least && count < most, "%s: %zu", reason, count);
    fail_unless(peer.told_off(), "%s", reason);
}

} // namespace

GST_START_TEST(test_floods) {
    expect_end(frame(NGHTTP2_PING, 0, 0, "12345678"), "PING", 50, 200);
    expect_end(frame(NGHTTP2_SETTINGS, 0, 0, {}), "SETTINGS", 10, 100);
    const std::string settings(6, '\0');
    expect_end(frame(NGHTTP2_SETTINGS, 0, 0, settings), "SETTINGS", 10, 100);
    expect_end(frame(NGHTTP2_PRIORITY, 0, 1, std::string("\0\0\0\0\x10", 5)), "PRIORITY", 100, 400);
    expect_end(frame(0x10, 0, 0, std::string("\0\0\0\x01u=1", 7)), "PRIORITY", 100, 400);
    expect_end(frame(0x77, 0, 0, "unknown"), "frames without", 1000, 10'000);
    expect_end(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string("\0\0\0\x01", 4)), "frames without",
               1000, 10'000);
}
GST_END_TEST

// A client that does the same slowly is no flood.
GST_START_TEST(test_slow_frames_are_no_flood) {
    Hostile peer;
    for (int i = 0; i < 500; ++i) {
        peer.pair.now += 1000;
        peer.pair.in(frame(NGHTTP2_PING, 0, 0, "12345678") + frame(NGHTTP2_SETTINGS, 0, 0, {}));
        const std::string said = peer.pair.out();
        fail_unless(said.size() >= 9 + 8 + 9, "PING and SETTINGS are answered");
    }
    fail_unless(peer.pair.result.is_ok(), "%s", peer.pair.result.reason().c_str());
}
GST_END_TEST

// CVE-2023-44487: requests that are reset at once.
GST_START_TEST(test_rapid_reset) {
    Hostile peer;
    const size_t count = peer.flood(
        [](size_t i) {
            const auto id = uint32_t(2 * i + 1);
            return get(id) + frame(NGHTTP2_RST_STREAM, 0, id, std::string("\0\0\0\x08", 4));
        },
        100'000);
    fail_unless(peer.says("RST_STREAM"), "%s", peer.pair.result.reason().c_str());
    fail_unless(count < 400, "%zu", count);
    fail_unless(peer.pair.server.closed.size() <= count);
    fail_unless(peer.pair.server.requests <= count);
}
GST_END_TEST

// CVE-2025-8671: the client has the server reset its streams.
GST_START_TEST(test_resets_by_illegal_frames) {
    Hostile peer;
    const size_t count = peer.flood(
        [](size_t i) {
            const auto id = uint32_t(2 * i + 1);
            return get(id) + frame(NGHTTP2_WINDOW_UPDATE, 0, id, "\x7f\xff\xff\xff");
        },
        100'000);
    fail_unless(peer.says("illegal frames"), "%s", peer.pair.result.reason().c_str());
    fail_unless(count < 1000, "%zu", count);
}
GST_END_TEST

// CVE-2019-9518, and the same with padding.
GST_START_TEST(test_empty_data) {
    const std::string head =
        frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, http2_test::get_block("/"));
    for (const std::string &empty :
         {frame(NGHTTP2_DATA, 0, 1, {}),
          frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, std::string(1, '\0'))}) {
        Hostile peer;
        peer.pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &, bool) {
            peer.pair.server.session.want_body(stream);
        };
        peer.pair.in(head);
        const size_t count = peer.flood(empty, 100'000);
        fail_unless(peer.says("empty DATA"), "%s", peer.pair.result.reason().c_str());
        fail_unless(count < 200, "%zu", count);
    }
}
GST_END_TEST

// Headers that do not end: in many frames (CVE-2024-28182), or large ones.
GST_START_TEST(test_endless_headers) {
    for (const size_t size : {size_t(0), size_t(1), size_t(1000), size_t(16'384)}) {
        Hostile peer;
        // Literals without indexing, with names and values of 100 bytes.
        std::string block;
        while (block.size() + 203 <= size)
            block += std::string("\0d", 2) + std::string(100, 'x') + "d" + std::string(100, 'y');
        block.resize(size, '\x82');
        peer.pair.in(frame(NGHTTP2_HEADERS, 0, 1, http2_test::get_block("/")));
        const size_t count =
            peer.flood(frame(NGHTTP2_CONTINUATION, 0, 1, block), (1 << 20) / (size + 1) + 1000);
        peer.pair.out();
        fail_unless(peer.pair.result.is_error() || peer.pair.server.session.is_over());
        fail_unless(count < 1000, "%zu of %zu bytes", count, size);
        fail_unless_equals_int(peer.pair.server.requests, 0);
    }
}
GST_END_TEST

// One header of more than 16 KiB is refused; of a megabyte, with small entries of the compression's
// table, ends the connection.
GST_START_TEST(test_large_headers) {
    Pair pair;
    pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &fields, bool) {
        if (fields.method().empty())
            pair.server.answer(stream, {431}, "too large");
        else
            pair.server.answer(stream, {}, "fine");
    };
    const int32_t large =
        pair.client.get("/", {{"x", std::string(9000, 'x')}, {"y", std::string(9000, 'y')}});
    pair.run();
    fail_unless(pair.server.header_too_large);
    fail_unless_equals_int(pair.client.answers[large].status, 431);
    const int32_t usual = pair.client.get("/", {{"x", std::string(9000, 'x')}});
    pair.run();
    fail_unless_equals_int(pair.client.answers[usual].status, 200);
    Hostile bomb;
    // The first puts 4,000 bytes into the table; each of the others repeats it with one byte.
    std::string entry("\x40\x01x\x7f\xa1\x1e", 6);
    entry += std::string(127 + 0xa1 - 0x80 + (0x1e << 7), 'y');
    std::string block = http2_test::get_block("/") + entry + std::string(8000, '\xbe');
    bomb.pair.in(
        frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block));
    fail_unless(bomb.says("header fields"), "%s", bomb.pair.result.reason().c_str());
    fail_unless_equals_int(bomb.pair.server.requests, 0);
}
GST_END_TEST

GST_START_TEST(test_broken_protocol) {
    const std::string cases[] = {
        std::string(100, 'x'),
        "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        NGHTTP2_CLIENT_MAGIC + get(1), // no SETTINGS
        greeting() + frame(NGHTTP2_WINDOW_UPDATE, 0, 1, std::string(4, '\0')),
        greeting() + get(2), // a server's stream
        greeting() + get(0),
        greeting() + frame(NGHTTP2_DATA, 0, 1, "for no stream"),
        greeting() + frame(NGHTTP2_CONTINUATION, 0, 1, "alone"),
        greeting() + frame(NGHTTP2_HEADERS, 0, 1, "\x82") + frame(NGHTTP2_PING, 0, 0, "12345678"),
        greeting() + frame(NGHTTP2_PING, 0, 0, "short"),
        greeting() + frame(NGHTTP2_PUSH_PROMISE, 4, 1, std::string(4, '\0')),
        greeting() + frame(NGHTTP2_HEADERS, 5, 1, "\xff\xff\xff\xff\xff\xff"),
        greeting() + frame(NGHTTP2_SETTINGS, 0, 0, std::string(6 * 33, '\0')),
        greeting() + frame(NGHTTP2_SETTINGS, 1, 0, {}) + frame(NGHTTP2_SETTINGS, 1, 0, {}),
        greeting() + frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string(4, '\0')),
        greeting() + frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff"),
        greeting() + std::string("\xff\xff\xff\0\0\0\0\0\x01", 9),
    };
    for (const std::string &bytes : cases) {
        for (const size_t step : {SIZE_MAX, size_t(1)}) {
            Pair pair;
            pair.step = step;
            pair.in(bytes);
            while (!pair.out().empty()) {
            }
            fail_unless(pair.result.is_error() || pair.server.session.is_over(), "case %d",
                        int(&bytes - cases));
            fail_unless(pair.server.requests <= 1);
        }
    }
    // The client may have sent the first before it knew that it was reset: it is not answered.
    Pair order;
    order.in(greeting() + get(3) + get(1));
    fail_unless_equals_int(order.server.requests, 1);
}
GST_END_TEST

// Requests that are no legal HTTP cost their stream alone.
GST_START_TEST(test_illegal_requests) {
    Pair pair;
    pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &, bool) {
        pair.server.answer(stream, {}, "fine");
    };
    const http2_test::Headers cases[] = {{{"connection", "keep-alive"}},
                                         {{"transfer-encoding", "chunked"}},
                                         {{"te", "gzip"}},
                                         {{":status", "200"}},
                                         {{"content-length", "a few"}},
                                         {{"content-length", "10"}}};
    for (const auto &headers : cases) {
        const int32_t wrong = pair.client.get("/", headers), right = pair.client.get("/");
        pair.run();
        fail_unless_equals_int(pair.client.answers[wrong].status, 0);
        fail_unless_equals_int(pair.client.answers[wrong].error, NGHTTP2_PROTOCOL_ERROR);
        fail_unless_equals_string(pair.client.answers[right].body.c_str(), "fine");
    }
    fail_if(pair.client.goodbye);
}
GST_END_TEST

GST_START_TEST(test_too_many_streams) {
    Hostile peer;
    std::string many;
    for (uint32_t i = 0; i < 150; ++i)
        many += get(2 * i + 1);
    peer.pair.in(many);
    fail_unless_equals_int(peer.pair.server.requests, 100);
    fail_unless_equals_int(peer.pair.server.session.streams(), 100);
    fail_unless(peer.pair.result.is_ok());
}
GST_END_TEST

// CVE-2019-9517: a client that does not read gets nothing produced into memory.
GST_START_TEST(test_nothing_is_produced_for_who_does_not_read) {
    Hostile peer;
    const std::string body = numbered(1'000'000);
    peer.pair.in(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string("\x40\0\0\0", 4)) + get(1));
    peer.pair.server.answer(1, {}, body);
    peer.pair.server.session.produce();
    const size_t unsent = peer.pair.server.session.unsent();
    fail_unless(unsent > 10'000 && unsent < 100'000, "%zu", unsent);
    for (int i = 0; i < 50; ++i)
        peer.pair.in(frame(NGHTTP2_PING, 0, 0, "12345678"));
    fail_unless(peer.pair.result.is_ok());
    size_t size = 0;
    for (const iovec &part : peer.pair.server.session.produce())
        size += part.iov_len;
    fail_unless_equals_int(size, unsent);
    fail_unless_equals_int(peer.pair.server.session.unsent(), unsent);
}
GST_END_TEST

// What blocks without end is ended: the stream, if its window is shut; the connection, if it takes
// nothing.
GST_START_TEST(test_stalls) {
    Pair pair({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}}, false);
    pair.server.on_request_do = [&](uint32_t stream, const http2::Fields &fields, bool) {
        if (fields.path() == "/body") pair.server.answer(stream, {}, numbered(100'000));
    };
    const int32_t shut = pair.client.get("/body"), waits = pair.client.get("/waits"),
                  drips = pair.client.get("/body");
    pair.run();
    for (int second = 0; second < 40; ++second) {
        // A byte now and then does not help.
        nghttp2_submit_window_update(pair.client.session.get(), 0, drips, 1);
        pair.run();
        pair.now += 1000;
        fail_unless(pair.server.session.check(pair.now, false).is_ok());
        fail_if(second < 25 && pair.client.answers[shut].closed);
    }
    pair.run();
    for (const int32_t each : {shut, drips}) {
        fail_unless(pair.client.answers[each].closed && !pair.client.answers[each].complete);
        fail_unless_equals_int(pair.client.answers[each].error, NGHTTP2_CANCEL);
    }
    fail_if(pair.client.answers[waits].closed || pair.client.goodbye);

    Pair slow;
    slow.server.on_request_do = [&](uint32_t stream, const http2::Fields &, bool) {
        slow.server.answer(stream, {}, numbered(1'000'000));
    };
    nghttp2_session_set_local_window_size(slow.client.session.get(), 0, 0, 10'000'000);
    slow.client.get("/");
    slow.in(slow.client.output());
    slow.server.session.produce();
    Result result = Result::ok();
    int seconds = 0;
    for (; seconds < 100 && result.is_ok(); ++seconds) {
        slow.server.session.sent(1000); // a second
        slow.server.session.produce();
        slow.now += 1000;
        result = slow.server.session.check(slow.now, true);
    }
    fail_unless(result.is_error() && seconds > 25 && seconds < 40, "%d", seconds);
}
GST_END_TEST

GST_START_TEST(test_deadlines) {
    // Without a request, however many PINGs there are.
    Pair idle;
    idle.run();
    for (int second = 0; second < 40 && !idle.client.goodbye; ++second) {
        idle.now += 1000;
        fail_unless(idle.server.session.check(idle.now, false).is_ok());
        nghttp2_submit_ping(idle.client.session.get(), 0, nullptr);
        idle.run();
        fail_if(idle.client.goodbye != (second >= 29), "%d", second);
    }
    fail_unless(idle.server.session.is_over());
    fail_unless_equals_int(idle.client.goodbye_error, NGHTTP2_NO_ERROR);
    // A header that does not end.
    Hostile slow;
    slow.pair.in(frame(NGHTTP2_HEADERS, 0, 1, http2_test::get_block("/")));
    slow.pair.now += 31'000;
    fail_unless(slow.pair.server.session.check(slow.pair.now, false).is_error());
    // One that waits for its answer has all the time.
    Pair waits;
    const int32_t one = waits.client.get("/");
    waits.run();
    waits.now += 600'000;
    fail_unless(waits.server.session.check(waits.now, false).is_ok());
    waits.run();
    fail_if(waits.client.goodbye);
    // In the end the client is asked to connect anew, but has its answers before.
    waits.now += 3'000'000;
    fail_unless(waits.server.session.check(waits.now, false).is_ok());
    waits.run();
    fail_unless(waits.client.goodbye);
    fail_unless_equals_int(waits.client.goodbye_last, INT32_MAX);
    waits.now += 1000;
    fail_unless(waits.server.session.check(waits.now, false).is_ok());
    waits.run();
    fail_unless_equals_int(waits.client.goodbye_last, one);
    fail_if(waits.server.session.is_over());
    waits.server.answer(uint32_t(one), {}, "late");
    waits.run();
    fail_unless_equals_string(waits.client.answers[one].body.c_str(), "late");
    fail_unless(waits.server.session.is_over());
}
GST_END_TEST

static Suite *http2_hostile_suite() {
    Suite *suite = suite_create("http2_hostile");
    TCase *tests = tcase_create("general");
    tcase_add_test(tests, test_floods);
    tcase_add_test(tests, test_slow_frames_are_no_flood);
    tcase_add_test(tests, test_rapid_reset);
    tcase_add_test(tests, test_resets_by_illegal_frames);
    tcase_add_test(tests, test_empty_data);
    tcase_add_test(tests, test_endless_headers);
    tcase_add_test(tests, test_large_headers);
    tcase_add_test(tests, test_broken_protocol);
    tcase_add_test(tests, test_illegal_requests);
    tcase_add_test(tests, test_too_many_streams);
    tcase_add_test(tests, test_nothing_is_produced_for_who_does_not_read);
    tcase_add_test(tests, test_stalls);
    tcase_add_test(tests, test_deadlines);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(http2_hostile)
