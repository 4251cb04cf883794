// SPDX-License-Identifier: LGPL-2.1-or-later
// The shared packet: golden headers, no copies, and the reader restores the input.
#include "core/rtmp/packet.h"

#include "unit/rtmp_client.hpp"

#include "check.hpp"

using namespace penstock;
using namespace rtmp_test;

namespace {

std::vector<uint8_t> joined(const fanout::Packet &packet) {
    std::vector<uint8_t> bytes;
    for (const ByteView piece : packet.pieces)
        bytes.insert(bytes.end(), piece.begin(), piece.end());
    fail_unless_equals_int(bytes.size(), packet.size);
    return bytes;
}

flv::Tag video_tag(size_t size) {
    std::vector<uint8_t> body(size);
    for (size_t i = 0; i < size; ++i)
        body[i] = static_cast<uint8_t>(i * 13 + 7);
    return flv::make_tag(flv::TagType::video, 5, body);
}

} // namespace

GST_START_TEST(test_golden) {
    const uint8_t body[] = {0xaf, 1, 2, 3};
    const auto audio =
        rtmp::make_packet(flv::make_tag(flv::TagType::audio, 99, body), 0x010203, 65536);
    const std::vector<uint8_t> expected = {0x04, 1, 2, 3, 0, 0, 4, 8, 1, 0, 0, 0, 0xaf, 1, 2, 3};
    fail_unless(joined(*audio) == expected);
    fail_unless_equals_int(audio->pieces.size(), 2);
    const auto video = rtmp::make_packet(flv::make_tag(flv::TagType::video, 0, body), 0xFFFFFF, 3);
    const std::vector<uint8_t> extended = {0x06, 0xff, 0xff, 0xff, 0,    0,    4,    9,    1,
                                           0,    0,    0,    0,    0xff, 0xff, 0xff, 0xaf, 1,
                                           2,    0xc6, 0,    0xff, 0xff, 0xff, 3};
    fail_unless(joined(*video) == extended);
}
GST_END_TEST

GST_START_TEST(test_metadata) {
    const std::string_view plain("\x02\x00\x0aonMetaData\x05", 14);
    const std::string wrapped = std::string("\x02\x00\x0d@setDataFrame", 16) + std::string(plain);
    for (const std::string_view text : {plain, std::string_view(wrapped)}) {
        const auto packet =
            rtmp::make_packet(flv::make_tag(flv::TagType::script, 0, view(text)), 7, 65536);
        const std::vector<uint8_t> bytes = joined(*packet);
        fail_unless_equals_int(bytes.size(), 12 + plain.size());
        fail_unless_equals_int(bytes[0], 5);
        fail_unless_equals_int(bytes[7], 18);
        fail_unless(std::ranges::equal(ByteView(bytes).subspan(12), view(plain)));
    }
}
GST_END_TEST

GST_START_TEST(test_read_back) {
    for (const uint32_t chunk_size : {1u, 128u, 4096u, 65536u})
        for (const size_t size : {size_t(0), size_t(1), size_t(chunk_size) - 1, size_t(chunk_size),
                                  size_t(chunk_size) + 1, size_t(chunk_size) * 3})
            for (const uint32_t timestamp : {0u, 0xFFFFFEu, 0xFFFFFFu, 0xFFFFFFFFu}) {
                const flv::Tag tag = video_tag(size);
                const auto packet = rtmp::make_packet(tag, timestamp, chunk_size);
                Client client;
                client.set_chunk_size(chunk_size);
                client.out.bytes(joined(*packet));
                unsigned count = 0;
                rtmp::ChunkReader reader({}, [&](rtmp::Message &&m) {
                    if (m.type == type::set_chunk_size) return Result::ok();
                    ++count;
                    fail_unless_equals_int(m.type, 9);
                    fail_unless_equals_int(m.stream_id, 1);
                    fail_unless(m.timestamp == timestamp);
                    fail_unless(std::ranges::equal(m.body(), tag.body().view()));
                    return Result::ok();
                });
                fail_unless(reader.feed(client.out.view()).is_ok());
                fail_unless_equals_int(count, 1);
            }
}
GST_END_TEST

// The payload is the tag's own memory; the headers belong to the packet.
GST_START_TEST(test_no_copy) {
    const flv::Tag tag = video_tag(200000);
    const auto packet = rtmp::make_packet(tag, 0, 65536);
    fail_unless_equals_int(packet->pieces.size(), 8);
    for (size_t i = 0; i < packet->pieces.size(); ++i) {
        const ByteView piece = packet->pieces[i];
        const bool payload =
            piece.data() >= tag.bytes.begin() && piece.data() + piece.size() <= tag.bytes.end();
        const bool header =
            piece.data() >= packet->headers.data() &&
            piece.data() + piece.size() <= packet->headers.data() + packet->headers.size();
        fail_unless(i % 2 ? payload : header, "piece %zu", i);
    }
}
GST_END_TEST

static Suite *rtmp_packet_suite() {
    Suite *s = suite_create("rtmp_packet");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_golden);
    tcase_add_test(tc, test_metadata);
    tcase_add_test(tc, test_read_back);
    tcase_add_test(tc, test_no_copy);
    return s;
}
GST_CHECK_MAIN(rtmp_packet)
