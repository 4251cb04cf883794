// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP packets, their header extensions, and numbers that wrap.
#include "core/rtp/extensions.h"
#include "core/rtp/packet.h"
#include "core/rtp/red.h"
#include "core/rtp/sequence.h"

#include "unit/rtp_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtp;
using rig::equal;
using rig::from_hex;

namespace {

// V=2 P X CC=2, M PT=96; two CSRCs; RFC 8285's figure of one-byte elements; payload; padding.
constexpr std::string_view full = "b2 e0 fffe 00015f90 11223344 aabbccdd 01020304"
                                  "bede 0003 10 85 31 12 34 00 00 53 61 2d 62 63"
                                  "cafebabe 000003";

} // namespace

GST_START_TEST(test_parse) {
    const std::vector<uint8_t> bytes = from_hex(full);
    Packet p;
    fail_unless(parse(bytes, p).is_ok());
    fail_unless(p.marker && p.payload_type == 96 && p.sequence == 0xFFFE);
    fail_unless(p.timestamp == 90'000 && p.ssrc == 0x11223344);
    fail_unless(p.csrc_count() == 2 && p.csrc(0) == 0xAABBCCDD && p.csrc(1) == 0x01020304);
    fail_unless(p.extension && p.extension->profile == one_byte_profile);
    fail_unless(p.extension->data.size() == 12);
    fail_unless(p.padding == 3 && equal(p.payload, from_hex("cafebabe")));
    fail_unless(header_size(p) == bytes.size() - 7);
    Writer out;
    fail_unless(write(p, out) && equal(out.view(), bytes));

    // Every cut in the header is an error; later ones cut the payload.
    for (size_t size = 0; size < bytes.size(); ++size) {
        const Result result = parse(ByteView(bytes).first(size), p);
        if (size < bytes.size() - 7) fail_unless(result.is_error(), "%zu", size);
        if (result.is_error()) fail_unless(p.payload.empty() && !p.extension && p.ssrc == 0);
    }
}
GST_END_TEST

GST_START_TEST(test_short_and_strange) {
    Packet p;
    fail_unless(parse(from_hex("80 00 0001 00000002 00000003"), p).is_ok());
    fail_unless(!p.marker && p.payload.empty() && !p.extension && p.padding == 0);
    fail_unless(parse(from_hex("40 00 0001 00000002 00000003 00"), p).is_error());
    // Padding: none, too much, all of it.
    fail_unless(parse(from_hex("a0 00 0001 00000002 00000003"), p).is_error());
    fail_unless(parse(from_hex("a0 00 0001 00000002 00000003 00"), p).is_error());
    fail_unless(parse(from_hex("a0 00 0001 00000002 00000003 0003"), p).is_error());
    fail_unless(parse(from_hex("a0 00 0001 00000002 00000003 0002"), p).is_ok());
    fail_unless(p.padding == 2 && p.payload.empty());
    // An empty extension is one.
    fail_unless(parse(from_hex("90 00 0001 00000002 00000003 bede0000"), p).is_ok());
    fail_unless(p.extension && p.extension->data.empty());

    // What can't be written.
    const std::vector<uint8_t> some(64);
    std::array<uint8_t, 80> room;
    p = Packet();
    fail_unless(write_header(p, room) == 12 && write_header(p, std::span(room).first(11)) == 0);
    p.csrcs = ByteView(some).first(64);
    fail_unless(write_header(p, room) == 0);
    p.csrcs = ByteView(some).first(6);
    fail_unless(write_header(p, room) == 0);
    p.csrcs = ByteView(some).first(60);
    fail_unless(write_header(p, room) == 72);
    p.extension = HeaderExtension{one_byte_profile, ByteView(some).first(3)};
    Writer out;
    fail_unless(!write(p, out) && out.size() == 0);

    fail_unless(is_rtcp(from_hex("80c8")) && is_rtcp(from_hex("81cd")) &&
                !is_rtcp(from_hex("8060")));
    fail_unless(!is_rtcp(from_hex("80e0")) && !is_rtcp(from_hex("80")));
}
GST_END_TEST

GST_START_TEST(test_one_byte_elements) {
    ExtensionIds ids;
    fail_unless(ids.set(ExtensionKind::audio_level, 1));
    fail_unless(ids.set(ExtensionKind::transport_sequence, 3));
    fail_unless(ids.set(ExtensionKind::mid, 5));
    fail_unless(!ids.set(ExtensionKind::rid, 0) && !ids.set(ExtensionKind::rid, 15));
    Packet p;
    const std::vector<uint8_t> bytes = from_hex(full);
    fail_unless(parse(bytes, p).is_ok());
    Extensions e = parse_extensions(p.extension, ids);
    fail_unless(e.audio_level == (AudioLevel{true, 5}));
    fail_unless(e.transport_sequence == 0x1234);
    fail_unless(e.mid == "a-bc" && e.rid.empty() && !e.absolute_send_time);

    const auto read = [&](std::string_view hex) {
        static std::vector<uint8_t> data;
        data = from_hex(hex);
        return parse_extensions(HeaderExtension{one_byte_profile, data}, ids);
    };
    // An element that is longer than the rest; id 15 ends the list; another length.
    e = read("10 07 3f 11 22 33 44 00");
    fail_unless(e.audio_level && !e.transport_sequence);
    e = read("f0 00 31 12 34 10 07 00");
    fail_unless(!e.transport_sequence && !e.audio_level);
    // So does padding that has a length; padding without one does not.
    e = read("02 11 22 33 31 12 34 00");
    fail_unless(!e.transport_sequence);
    e = read("00 00 00 31 12 34 00 00");
    fail_unless(e.transport_sequence == 0x1234);
    e = read("30 12 13 01 02 03 04 00");
    fail_unless(!e.transport_sequence && !e.audio_level);
    // Feedback asked for by version 2 of the draft.
    e = read("33 12 34 80 01 00 00 00");
    fail_unless(e.transport_sequence == 0x1234);
    // A text with a control character.
    e = read("51 61 0a 00");
    fail_unless(e.mid.empty());
    fail_unless(!parse_extensions(HeaderExtension{0x0000, bytes}, ids).audio_level);
    fail_unless(!parse_extensions(std::nullopt, ids).audio_level);
}
GST_END_TEST

GST_START_TEST(test_two_byte_elements) {
    // RFC 8285's figure: lengths of 0, 1 and 4.
    ExtensionIds ids;
    ids.set(ExtensionKind::mid, 1);
    ids.set(ExtensionKind::audio_level, 2);
    ids.set(ExtensionKind::dependency_descriptor, 200);
    const std::vector<uint8_t> data = from_hex("01 00 02 01 ff 00 c8 04 61626364");
    Extensions e = parse_extensions(HeaderExtension{0x1005, data}, ids);
    fail_unless(e.mid.empty() && e.audio_level == (AudioLevel{true, 127}));
    fail_unless(equal(e.dependency_descriptor, from_hex("61626364")));
    for (size_t size = 0; size < data.size(); ++size)
        parse_extensions(HeaderExtension{0x1000, ByteView(data).first(size)}, ids);

    // Written: the id, or a length above 16, needs this form.
    Writer storage;
    auto written = write_extensions(e, ids, storage);
    fail_unless(written && written->profile == two_byte_profile);
    fail_unless(equal(written->data, from_hex("02 01 ff c8 04 61626364 000000")));
    e = Extensions();
    e.mid = "a-mid-of-seventeen";
    written = write_extensions(e, ids, storage);
    fail_unless(written && written->profile == two_byte_profile);
    fail_unless(parse_extensions(written, ids).mid == e.mid);
}
GST_END_TEST

GST_START_TEST(test_write_elements) {
    ExtensionIds ids;
    for (size_t kind = 0; kind < extension_kinds; ++kind) {
        const auto one = static_cast<ExtensionKind>(kind);
        fail_unless(extension_of(uri_of(one)) == one);
        fail_unless(ids.set(one, static_cast<uint8_t>(kind + 1)));
        fail_unless(ids.kind_of(static_cast<uint8_t>(kind + 1)) == one);
    }
    fail_unless(!extension_of("urn:ietf:params:rtp-hdrext:toffset") && !ids.kind_of(14));
    Extensions e;
    Writer storage;
    fail_unless(!write_extensions(e, ids, storage));
    const std::vector<uint8_t> descriptor = from_hex("80 0001");
    e.mid = "0";
    e.rid = "hi";
    e.repaired_rid = "lo";
    e.transport_sequence = 0xABCD;
    e.absolute_send_time = 0x010203;
    e.playout_delay = PlayoutDelay{20, 50'000};
    e.audio_level = AudioLevel{false, 30};
    e.video_orientation = 1;
    e.dependency_descriptor = descriptor;
    auto written = write_extensions(e, ids, storage);
    fail_unless(written && written->profile == one_byte_profile);
    fail_unless(equal(written->data, from_hex("10 30 21 6869 31 6c6f 41 abcd 52 010203 62 002fff"
                                              "70 1e 80 01 92 800001 00")));
    const Extensions r = parse_extensions(written, ids);
    fail_unless(r.mid == "0" && r.rid == "hi" && r.repaired_rid == "lo");
    fail_unless(r.transport_sequence == 0xABCD && r.absolute_send_time == 0x010203u);
    fail_unless(r.playout_delay == (PlayoutDelay{20, 40'950}));
    fail_unless(r.audio_level == e.audio_level && r.video_orientation == 1);
    fail_unless(equal(r.dependency_descriptor, descriptor));

    // An id is of one kind only.
    ids.set(ExtensionKind::mid, 2);
    fail_unless(ids.id_of(ExtensionKind::rid) == 0 && ids.kind_of(2) == ExtensionKind::mid);
    e = Extensions();
    e.rid = "hi";
    fail_unless(!write_extensions(e, ids, storage));

    fail_unless(absolute_send_time(0) == 0 && absolute_send_time(rig::second) == 1u << 18);
    fail_unless(absolute_send_time(64 * rig::second + rig::second / 2) == 1u << 17);
    fail_unless(absolute_send_time(-rig::second) == 63u << 18);
}
GST_END_TEST

GST_START_TEST(test_numbers) {
    fail_unless(sequence_distance(65'535, 0) == 1 && sequence_distance(0, 65'535) == -1);
    fail_unless(sequence_distance(10, 10) == 0 && sequence_distance(0, 0x8000) == -32'768);
    fail_unless(timestamp_distance(0xFFFFFFFF, 9) == 10 &&
                timestamp_distance(9, 0xFFFFFFFF) == -10);
    Unwrapper<uint16_t> sequence;
    fail_unless(sequence.unwrap(65'534) == 65'534 && sequence.unwrap(1) == 65'537);
    fail_unless(sequence.peek(65'535) == 65'535 && sequence.last() == 65'537);
    fail_unless(sequence.unwrap(65'535) == 65'535);
    int64_t expected = 65'535;
    for (int turn = 0; turn < 40; ++turn) {
        expected += 20'000;
        fail_unless(sequence.unwrap(static_cast<uint16_t>(expected)) == expected);
    }
    Unwrapper<uint32_t> timestamp;
    fail_unless(timestamp.unwrap(5) == 5 && timestamp.unwrap(0xFFFFFFFF) == -1);
    fail_unless(timestamp.unwrap(0x7FFFFFFE) == 0x7FFFFFFE);
    timestamp.reset();
    fail_unless(timestamp.unwrap(0xFFFFFFFF) == 0xFFFFFFFF);
}
GST_END_TEST

/// Redundant audio: what is written is read again, and what is cut or too long is refused.
GST_START_TEST(test_red) {
    const std::vector<uint8_t> old(300, 7), own(200, 9);
    Writer out;
    out.bytes(red_head(111, 960, old.size())).bytes(old).bytes(own);
    auto red = parse_red(out.view());
    fail_unless(red && red->count == 2);
    fail_unless(red->blocks[0].payload_type == 111 && red->blocks[0].before == 960);
    fail_unless(std::equal(old.begin(), old.end(), red->blocks[0].payload.begin()));
    fail_unless(red->blocks[0].payload.size() == 300 && red->blocks[1].payload.size() == 200);
    fail_unless(red->blocks[1].payload_type == 111 && red->blocks[1].before == 0);
    // The own block may be empty, but not the redundant one be cut.
    fail_unless(parse_red(out.view().first(305)).has_value());
    for (size_t size = 0; size < 305; ++size)
        fail_unless(!parse_red(out.view().first(size)), "%zu", size);
    red = parse_red(std::vector<uint8_t>{111});
    fail_unless(red && red->count == 1 && red->blocks[0].payload.empty());
    for (const size_t count : {RedBlocks::most, RedBlocks::most + 1}) {
        Writer many;
        for (size_t i = 1; i < count; ++i)
            many.u32(0x80000000u);
        many.u8(111);
        fail_unless(parse_red(many.view()).has_value() == (count == RedBlocks::most));
    }
}
GST_END_TEST

static Suite *rtp_packet_suite() {
    Suite *s = suite_create("rtp_packet");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_parse);
    tcase_add_test(tc, test_short_and_strange);
    tcase_add_test(tc, test_one_byte_elements);
    tcase_add_test(tc, test_two_byte_elements);
    tcase_add_test(tc, test_write_elements);
    tcase_add_test(tc, test_numbers);
    tcase_add_test(tc, test_red);
    return s;
}
GST_CHECK_MAIN(rtp_packet)
