// SPDX-License-Identifier: LGPL-2.1-or-later
// RTMP's chunk layer: every header format, timestamps, splits at every byte, hostile streams.
#include "unit/rtmp_client.hpp"

#include "check.hpp"

using namespace penstock;
using namespace rtmp_test;

namespace {

struct Outcome {
    std::vector<std::string> messages;
    std::string error;
    bool operator==(const Outcome &) const = default;
};

/// Feeds the bytes in pieces of the given sizes (the last piece is the rest).
Outcome read(ByteView bytes, std::initializer_list<size_t> pieces = {},
             const rtmp::Limits &limits = {}) {
    Outcome outcome;
    rtmp::ChunkReader reader(limits, [&](rtmp::Message &&m) {
        outcome.messages.push_back(
            std::to_string(m.type) + "@" + std::to_string(m.timestamp) + "/" +
            std::to_string(m.stream_id) + ":" +
            std::string(reinterpret_cast<const char *>(m.body().data()), m.body().size()));
        return Result::ok();
    });
    const auto feed = [&](ByteView part) {
        if (!outcome.error.empty()) return;
        outcome.error = reader.feed(part).reason();
    };
    for (const size_t piece : pieces) {
        feed(bytes.first(std::min(piece, bytes.size())));
        bytes = bytes.subspan(std::min(piece, bytes.size()));
    }
    feed(bytes);
    return outcome;
}

void check_splits(ByteView bytes, const Outcome &whole) {
    for (size_t split = 1; split < bytes.size(); ++split)
        fail_unless(read(bytes, {split}) == whole, "split at byte %zu", split);
    size_t count = 0;
    rtmp::ChunkReader bytewise({}, [&](rtmp::Message &&) {
        ++count;
        return Result::ok();
    });
    for (const uint8_t &byte : bytes)
        if (!bytewise.feed(ByteView(&byte, 1)).is_ok()) break;
    fail_unless_equals_int(count, whole.messages.size());
}

void expect(const Writer &out, std::initializer_list<std::string> messages,
            const char *error = "") {
    const Outcome whole = read(out.view());
    const std::vector<std::string> expected = messages;
    for (size_t i = 0; i < std::max(expected.size(), whole.messages.size()); ++i)
        fail_unless_equals_string(i < whole.messages.size() ? whole.messages[i].c_str() : "(none)",
                                  i < expected.size() ? expected[i].c_str() : "(none)");
    if (*error)
        fail_unless(whole.error.find(error) != std::string::npos, "'%s' instead of '%s'",
                    whole.error.c_str(), error);
    else
        fail_unless_equals_string(whole.error.c_str(), "");
    check_splits(out.view(), whole);
}

} // namespace

GST_START_TEST(test_formats) {
    Writer out;
    out.u8(0x04).u24(1000).u24(2).u8(8).u32_le(1).text("aa"); // format 0
    out.u8(0x44).u24(20).u24(3).u8(9).text("bbb");            // format 1: +20, other size and type
    out.u8(0x84).u24(30).text("ccc");                         // format 2: +30
    out.u8(0xC4).text("ddd");                                 // format 3: +30 again
    out.u8(0x04).u24(7).u24(0).u8(9).u32_le(1);               // empty
    out.u8(0xC4);                                             // and empty again, +7
    expect(out,
           {"8@1000/1:aa", "9@1020/1:bbb", "9@1050/1:ccc", "9@1080/1:ddd", "9@7/1:", "9@14/1:"});
}
GST_END_TEST

GST_START_TEST(test_basic_headers) {
    Writer out;
    out.u8(0x00).u8(0).u24(1).u24(1).u8(8).u32_le(1).text("x");             // chunk stream 64
    out.u8(0x01).u8(0xFF).u8(0xFF).u24(2).u24(1).u8(8).u32_le(1).text("y"); // 65599
    out.u8(0x80).u8(0).u24(5).text("z");
    out.u8(0xC1).u8(0xFF).u8(0xFF).text("w");
    out.u8(0x01).u8(0).u8(0).u24(9).u24(1).u8(8).u32_le(1).text("v"); // 64 in the longer form
    out.u8(0xC0).u8(0).text("u");                                     // the same chunk stream
    expect(out, {"8@1/1:x", "8@2/1:y", "8@6/1:z", "8@4/1:w", "8@9/1:v", "8@18/1:u"});
}
GST_END_TEST

GST_START_TEST(test_interleaved) {
    Writer out;
    const std::string a(200, 'a'), b(129, 'b');
    out.u8(0x04).u24(1).u24(200).u8(8).u32_le(1).text(a.substr(0, 128));
    out.u8(0x06).u24(2).u24(129).u8(9).u32_le(1).text(b.substr(0, 128));
    out.u8(0xC4).text(a.substr(128));
    out.u8(0xC6).text(b.substr(128));
    expect(out, {"8@1/1:" + a, "9@2/1:" + b});
}
GST_END_TEST

GST_START_TEST(test_extended_timestamps) {
    Writer out;
    const std::string body(300, 'x');
    const auto cut = [&](size_t from, size_t count = 128) { return body.substr(from, count); };
    // The extended timestamp is repeated in every chunk, as the specification says.
    out.u8(0x04).u24(0xFFFFFF).u24(300).u8(8).u32_le(1).u32(0xFFFFFFF0).text(cut(0));
    out.u8(0xC4).u32(0xFFFFFFF0).text(cut(128)).u8(0xC4).u32(0xFFFFFFF0).text(cut(256));
    // Wraps at 32 bits.
    out.u8(0x84).u24(0x20).text(cut(0)).u8(0xC4).text(cut(128)).u8(0xC4).text(cut(256));
    // An extended delta.
    out.u8(0x84).u24(0xFFFFFF).u32(0x1000000).text(cut(0));
    out.u8(0xC4).u32(0x1000000).text(cut(128)).u8(0xC4).u32(0x1000000).text(cut(256));
    // The repetition has the absolute time instead of the delta.
    out.u8(0x84).u24(0xFFFFFF).u32(0x1000000).text(cut(0));
    out.u8(0xC4).u32(0x2000010).text(cut(128)).u8(0xC4).u32(0x2000010).text(cut(256));
    // Not repeated, as by old encoders: the bytes in its place are payload.
    out.u8(0x04).u24(0xFFFFFF).u24(300).u8(8).u32_le(1).u32(0x5000000).text(cut(0));
    out.u8(0xC4).text(cut(128)).u8(0xC4).text(cut(256));
    // 0xFFFFFF itself needs the extension.
    out.u8(0x04).u24(0xFFFFFF).u24(1).u8(8).u32_le(1).u32(0xFFFFFF).text("e");
    expect(out, {"8@4294967280/1:" + body, "8@16/1:" + body, "8@16777232/1:" + body,
                 "8@33554448/1:" + body, "8@83886080/1:" + body, "8@16777215/1:e"});
}
GST_END_TEST

GST_START_TEST(test_control) {
    Client client;
    const std::string body(500, 'm');
    client.set_chunk_size(499).message(9, 5, 1, view(body), 6);
    // A message that is begun and abandoned, then another on the same chunk stream.
    client.out.u8(0x06).u24(1).u24(500).u8(9).u32_le(1).text(body.substr(0, 499));
    client.control(type::abort, 6);
    client.message(9, 6, 1, view("new"), 6);
    client.control(type::abort, 77); // nothing to give up
    expect(client.out, {std::string("1@0/0:\x00\x00\x01\xf3", 10), "9@5/1:" + body,
                        std::string("2@0/0:\x00\x00\x00\x06", 10), "9@6/1:new",
                        std::string("2@0/0:\x00\x00\x00\x4d", 10)});
}
GST_END_TEST

// librtmp opens the control stream with format 1.
GST_START_TEST(test_librtmp_control) {
    Writer out;
    out.u8(0x42).u24(0).u24(6).u8(4).text("abcdef");
    expect(out, {"4@0/0:abcdef"});
}
GST_END_TEST

// The largest chunk size costs no memory beyond the received bytes.
GST_START_TEST(test_largest_chunk_size) {
    for (const uint32_t size : {0x1000000u, 128u << 20, 0x7FFFFFFFu}) {
        rtmp::ChunkReader reader({}, [](rtmp::Message &&) { return Result::ok(); });
        Client client;
        client.set_chunk_size(size).message(type::video, 0, 1, std::vector<uint8_t>(100'000), 6);
        fail_unless(reader.feed(client.out.view()).is_ok());
        fail_unless_equals_int(reader.chunk_size(), size);
        fail_unless_equals_int(reader.in_flight(), 0);
        Writer claimed;
        claimed.u8(0x06).u24(0).u24(8 << 20).u8(9).u32_le(1).text("abc");
        fail_unless(reader.feed(claimed.view()).is_ok());
        fail_unless(reader.memory() <= 4096);
    }
}
GST_END_TEST

GST_START_TEST(test_hostile) {
    for (const uint32_t size : {0u, 0x80000000u, 0x80000080u, 0xFFFFFFFFu}) {
        Client client;
        client.control(type::set_chunk_size, size);
        expect(client.out, {}, "chunk size");
    }
    for (const uint8_t format : {0x44, 0x84, 0xC4, 0xC2, 0x82}) {
        Writer out;
        out.u8(format).u24(0).u24(1).u8(8).text("a");
        expect(out, {}, "needs an earlier one");
    }
    Writer inside;
    inside.u8(0x04).u24(1).u24(200).u8(8).u32_le(1).bytes(std::vector<uint8_t>(128));
    inside.u8(0x04).u24(1).u24(200).u8(8).u32_le(1);
    expect(inside, {}, "inside another");
    Writer media, command, cut;
    media.u8(0x04).u24(1).u24((8 << 20) + 1).u8(9).u32_le(1);
    expect(media, {}, "8388609 bytes");
    command.u8(0x04).u24(1).u24(65537).u8(20).u32_le(1);
    expect(command, {}, "65537 bytes");
    cut.u8(0x02).u24(0).u24(3).u8(1).u32_le(0).u24(1);
    expect(cut, {}, "shorter");
    Writer many;
    for (unsigned id = 0; id < 33; ++id)
        many.u8(0).u8(id).u24(1).u24(0).u8(8).u32_le(1);
    const Outcome outcome = read(many.view());
    fail_unless_equals_int(outcome.messages.size(), 32);
    fail_unless(outcome.error.find("32 chunk streams") != std::string::npos);
}
GST_END_TEST

GST_START_TEST(test_memory) {
    // Announced sizes alone cost nothing.
    rtmp::ChunkReader reader({}, [](rtmp::Message &&) { return Result::ok(); });
    Writer out;
    for (unsigned id = 3; id < 35; ++id)
        out.u8(id).u24(1).u24(8 << 20).u8(9).u32_le(1).bytes(std::vector<uint8_t>(128));
    fail_unless(reader.feed(out.view()).is_ok());
    fail_unless_equals_int(reader.in_flight(), 32 * 128);
    fail_unless(reader.memory() <= 32 * 4096, "%zu bytes", reader.memory());
    // Beyond the first block, memory is at most twice the received bytes.
    const std::vector<uint8_t> chunk(128);
    for (int i = 0; i < 2000; ++i) {
        Writer more;
        more.u8(0xC0 | 9).bytes(chunk);
        fail_unless(reader.feed(more.view()).is_ok());
    }
    fail_unless(reader.memory() <= 32 * 4096 + 2 * reader.in_flight(), "%zu bytes for %zu",
                reader.memory(), reader.in_flight());
    // All partial messages together are bounded.
    rtmp::Limits limits;
    limits.max_in_flight = 1000;
    const Outcome outcome = read(out.view(), {}, limits);
    fail_unless(outcome.error.find("1000 bytes of unfinished") != std::string::npos);
}
GST_END_TEST

// Messages that the writer cuts are reassembled by the reader, for sizes around each border.
GST_START_TEST(test_writer) {
    for (const uint32_t chunk_size : {1u, 2u, 127u, 128u, 65536u})
        for (const size_t size : {0, 1, 126, 127, 128, 129, 256, 257})
            for (const uint32_t timestamp : {0u, 0xFFFFFEu, 0xFFFFFFu, 0x1000000u, 0xFFFFFFFFu}) {
                Client client;
                client.set_chunk_size(chunk_size);
                const std::string body(size, 'w');
                client.message(9, timestamp, 1, view(body), 6);
                const Outcome outcome = read(client.out.view());
                fail_unless_equals_int(outcome.messages.size(), 2);
                const std::string expected = "9@" + std::to_string(timestamp) + "/1:" + body;
                fail_unless_equals_string(outcome.messages[1].c_str(), expected.c_str());
            }
}
GST_END_TEST

static Suite *rtmp_chunks_suite() {
    Suite *s = suite_create("rtmp_chunks");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_formats);
    tcase_add_test(tc, test_basic_headers);
    tcase_add_test(tc, test_interleaved);
    tcase_add_test(tc, test_extended_timestamps);
    tcase_add_test(tc, test_control);
    tcase_add_test(tc, test_librtmp_control);
    tcase_add_test(tc, test_largest_chunk_size);
    tcase_add_test(tc, test_hostile);
    tcase_add_test(tc, test_memory);
    tcase_add_test(tc, test_writer);
    return s;
}
GST_CHECK_MAIN(rtmp_chunks)
