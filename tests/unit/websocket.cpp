// SPDX-License-Identifier: LGPL-2.1-or-later
// A WebSocket client's frames are parsed however they are cut; violations of RFC 6455 are errors.
#include "core/http/websocket.h"

#include "check.hpp"

using namespace penstock;
using http::Opcode;

namespace {

struct Heard final : http::FrameReader::Handler {
    void on_ping(ByteView payload) override {
        events += "ping:" + std::string(payload.begin(), payload.end()) + ";";
    }
    void on_close(uint16_t code) override { events += "close:" + std::to_string(code) + ";"; }
    std::string events;
};

/// A client's frame. `length_size` 0: the shortest form.
std::vector<uint8_t> frame(uint8_t first, std::string_view payload, unsigned length_size = 0) {
    const std::array<uint8_t, 4> mask{0x37, 0xfa, 0x21, 0x3d};
    const size_t size = payload.size();
    if (length_size == 0) length_size = size < 126 ? 1 : size <= 0xffff ? 2 : 8;
    std::vector<uint8_t> out{first};
    out.push_back(uint8_t(0x80 | (length_size == 1 ? size : length_size == 2 ? 126 : 127)));
    for (unsigned i = length_size; length_size > 1 && i > 0; --i)
        out.push_back(uint8_t(uint64_t(size) >> 8 * (i - 1)));
    out.insert(out.end(), mask.begin(), mask.end());
    for (size_t i = 0; i < size; ++i)
        out.push_back(uint8_t(payload[i]) ^ mask[i % 4]);
    return out;
}

std::vector<uint8_t> all(std::initializer_list<std::vector<uint8_t>> frames) {
    std::vector<uint8_t> out;
    for (const auto &each : frames)
        out.insert(out.end(), each.begin(), each.end());
    return out;
}

/// The events, and the error if there is one; the same for any cut.
std::string read(const std::vector<uint8_t> &bytes) {
    std::string whole;
    for (size_t step = bytes.size() + 1; step > 0; step = step > 8 ? step / 3 : step - 1) {
        Heard heard;
        http::FrameReader reader;
        Result result = Result::ok();
        for (size_t at = 0; at < bytes.size() && !result.is_error(); at += step)
            result =
                reader.feed(ByteView(bytes).subspan(at, std::min(step, bytes.size() - at)), heard);
        const std::string said = heard.events + (result.is_error() ? "!" + result.reason() : "");
        if (whole.empty()) whole = said;
        fail_unless_equals_string(said.c_str(), whole.c_str());
    }
    return whole;
}

bool is_refused(const std::vector<uint8_t> &bytes, std::string_view why) {
    const std::string said = read(bytes);
    return said.find('!') != said.npos && said.find(why) != said.npos;
}

} // namespace

GST_START_TEST(test_control_frames) {
    fail_unless_equals_string(read(frame(0x89, "Hello")).c_str(), "ping:Hello;");
    fail_unless_equals_string(
        read(all({frame(0x89, ""), frame(0x8a, "x"), frame(0x89, "b")})).c_str(), "ping:;ping:b;");
    const std::string longest(125, 'p');
    fail_unless_equals_string(read(frame(0x89, longest)).c_str(),
                              ("ping:" + longest + ";").c_str());
    fail_unless_equals_string(read(frame(0x88, "")).c_str(), "close:0;");
    fail_unless_equals_string(read(frame(0x88, "\x03\xe9 bye")).c_str(), "close:1001;");
    // Bytes after a close frame are not read.
    fail_unless_equals_string(read(all({frame(0x88, "\x0f\xa0"), frame(0xff, "?")})).c_str(),
                              "close:4000;");
}
GST_END_TEST

// A control frame may come within a message.
GST_START_TEST(test_messages_are_dropped) {
    const std::string big(60'000, 'm');
    fail_unless_equals_string(
        read(all({frame(0x81, "text"), frame(0x82, big), frame(0x02, "a"), frame(0x89, "amid"),
                  frame(0x00, big), frame(0x80, ""), frame(0x89, "end")}))
            .c_str(),
        "ping:amid;ping:end;");
}
GST_END_TEST

GST_START_TEST(test_errors) {
    const std::string big(http::FrameReader::max_message, 'm');
    fail_unless(is_refused({0x89, 0x00}, "without a mask"));
    fail_unless(is_refused(frame(0xc1, "x"), "extension"));
    fail_unless(is_refused(frame(0x83, "x"), "opcode 3"));
    fail_unless(is_refused(frame(0x8b, "x"), "opcode 11"));
    fail_unless(is_refused(frame(0x09, "x"), "in pieces"));
    fail_unless(is_refused(frame(0x89, std::string(126, 'x')), "more than 125"));
    fail_unless(is_refused(frame(0x80, "x"), "continuation of nothing"));
    fail_unless(is_refused(all({frame(0x01, "x"), frame(0x81, "y")}), "inside another"));
    fail_unless(is_refused(frame(0x82, "x", 2), "more bytes than it needs"));
    fail_unless(is_refused(frame(0x82, std::string(200, 'x'), 8), "more bytes than it needs"));
    fail_unless(is_refused(frame(0x82, big + "x"), "more than 65536"));
    fail_unless(is_refused(all({frame(0x02, big), frame(0x80, "x")}), "more than 65536"));
    fail_unless(is_refused({0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
                           "more than 65536"));
    for (const std::string_view payload : {"\x03", "\x03\xed", "\x0b\xb7", "\x13\x88"})
        fail_unless(is_refused(frame(0x88, payload), "legal code"));
    using namespace std::string_view_literals;
    fail_unless(is_refused(frame(0x88, "\0\0"sv), "legal code"));
}
GST_END_TEST

GST_START_TEST(test_what_a_server_sends) {
    const auto pong = http::control_frame(Opcode::pong, ByteView(Bytes::copy_of("ab")));
    fail_unless(pong == std::vector<uint8_t>({0x8a, 2, 'a', 'b'}));
    const auto bye = http::close_frame(http::close_code::going_away, "x");
    fail_unless(bye == std::vector<uint8_t>({0x88, 3, 0x03, 0xe9, 'x'}));
    const std::string longer(300, 'r');
    fail_unless_equals_int(http::close_frame(1001, longer).size(), 2 + 125);
}
GST_END_TEST

static Suite *websocket_suite() {
    Suite *s = suite_create("websocket");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_control_frames);
    tcase_add_test(tc, test_messages_are_dropped);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_what_a_server_sends);
    return s;
}
GST_CHECK_MAIN(websocket)
