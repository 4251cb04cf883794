// SPDX-License-Identifier: LGPL-2.1-or-later
// RTCP, against bytes set by hand from the figures of the RFCs and drafts.
#include "core/rtp/rtcp.h"

#include "unit/rtp_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtp::rtcp;
using penstock::rtp::rig::equal;
using penstock::rtp::rig::from_hex;

namespace {

const std::string sender_report = "81c8000c 11111111 e4a1b2c380000000 00015f90 00000064 0000c350"
                                  "22222222 40fffffe 00010005 00000010 b2c38000 00010000";
const std::string receiver_report = "81c90007 11111111 22222222 40fffffe 00010005 00000010"
                                    "b2c38000 00010000";
const std::string description = "81ca0003 11111111 01046361 6d310000";
const std::string goodbye = "81cb0002 11111111 03627965";
const std::string nack = "81cd0003 11111111 22222222 00640005";
const std::string picture_loss = "81ce0002 11111111 22222222";
const std::string intra_request = "84ce0004 11111111 00000000 22222222 07000000";
const std::string estimate = "8fce0005 11111111 00000000 52454d42 0112625a 22222222";
// The draft's example of a vector of bits: 1 lost, 5 received, 3 lost, 3 received, 2 lost.
const std::string bit_vector = "8fcd0007 11111111 22222222 0010000e 00000307 9f1c"
                               "0102030405060708 0000";
// Pairs of bits: 1 lost, 1 with a negative delta, 3 with a small one, 2 lost.
const std::string pair_vector = "8fcd0006 11111111 22222222 ffff0007 fffffe08 c950 ff38 0a0b0c 00";
// The draft's example of a run: 221 lost; then one received.
const std::string run = "8fcd0006 11111111 22222222 000000de 00000309 00dd 2001 ff 000000";

template <class Kind>
Kind one(const std::string &hex) {
    Compound c;
    fail_unless(parse(from_hex(hex), c).is_ok());
    fail_unless(c.packets.size() == 1 && c.skipped == 0 && c.malformed == 0, "%s", hex.c_str());
    fail_unless(std::holds_alternative<Kind>(c.packets[0]));
    Writer out;
    fail_unless(write(c.packets[0], out));
    fail_unless(equal(out.view(), from_hex(hex)), "%s", hex.c_str());
    return std::get<Kind>(c.packets[0]);
}

unsigned malformed(const std::string &hex) {
    Compound c;
    fail_unless(parse(from_hex(hex), c).is_ok());
    fail_unless(c.packets.empty());
    return c.malformed;
}

std::vector<uint16_t> all_of(const Nack &nack) {
    std::vector<uint16_t> out;
    nack.for_each([&](uint16_t sequence) { out.push_back(sequence); });
    return out;
}

} // namespace

GST_START_TEST(test_reports) {
    const ReportBlock block{0x22222222, 64, -2, 0x00010005, 16, 0xB2C38000, 65'536};
    const auto sr = one<SenderReport>(sender_report);
    fail_unless(sr.ssrc == 0x11111111 && sr.ntp == 0xE4A1B2C380000000 && sr.timestamp == 90'000);
    fail_unless(sr.packets == 100 && sr.bytes == 50'000);
    fail_unless(sr.blocks.size() == 1 && sr.blocks[0] == block);
    const auto rr = one<ReceiverReport>(receiver_report);
    fail_unless(rr.ssrc == 0x11111111 && rr.blocks == sr.blocks);
    // An extension of a profile follows the blocks.
    Compound c;
    fail_unless(parse(from_hex("80c90002 11111111 aaaaaaaa"), c).is_ok());
    fail_unless(std::get<ReceiverReport>(c.packets.at(0)).blocks.empty());
    fail_unless(malformed("81c90001 11111111") == 1);

    ReceiverReport many;
    many.blocks.resize(32);
    Writer out;
    fail_unless(!write(many, out) && out.size() == 0);
    many.blocks.resize(31, block);
    many.blocks[0].lost = -10'000'000; // clamped
    fail_unless(write(many, out) && parse(out.view(), c).is_ok());
    fail_unless(std::get<ReceiverReport>(c.packets.at(0)).blocks[0].lost == -0x800000);
}
GST_END_TEST

GST_START_TEST(test_descriptions) {
    const auto sdes = one<SourceDescription>(description);
    fail_unless(sdes.chunks.size() == 1 && sdes.chunks[0].cname == "cam1");
    // A second chunk begins at a word; TOOL is not kept.
    Compound c;
    fail_unless(
        parse(from_hex("82ca0006 11111111 01016100 22222222 06027879 0104 6361 6d310000"), c)
            .is_ok());
    const auto &two = std::get<SourceDescription>(c.packets.at(0));
    fail_unless(two.chunks.size() == 2 && two.chunks[0].cname == "a" &&
                two.chunks[1].ssrc == 0x22222222 && two.chunks[1].cname == "cam1");
    fail_unless(malformed("81ca0002 11111111 01046361") == 1); // no end of the list
    fail_unless(malformed("81ca0002 11111111 01ff6361") == 1);
    fail_unless(malformed("82ca0002 11111111 01016100") == 1);
    for (const char *name : {"", "a", "ab", "abc", "abcd"}) {
        Writer out;
        const SourceDescription packet{{{1, name}, {2, name}}};
        fail_unless(write(packet, out) && parse(out.view(), c).is_ok());
        fail_unless(std::get<SourceDescription>(c.packets.at(0)) == packet, "%s", name);
    }

    const auto bye = one<Goodbye>(goodbye);
    fail_unless(bye.ssrcs == std::vector<uint32_t>{0x11111111} && bye.reason == "bye");
    fail_unless(one<Goodbye>("80cb0000").ssrcs.empty());
    fail_unless(malformed("82cb0001 11111111") == 1);
    fail_unless(malformed("81cb0002 11111111 04627965") == 1);
    Writer out;
    fail_unless(write(Goodbye{{7}, std::string(300, 'x')}, out) && parse(out.view(), c).is_ok());
    fail_unless(std::get<Goodbye>(c.packets.at(0)).reason.size() == max_text);
}
GST_END_TEST

GST_START_TEST(test_requests) {
    const auto n = one<Nack>(nack);
    fail_unless(n.sender == 0x11111111 && n.media == 0x22222222);
    fail_unless(all_of(n) == (std::vector<uint16_t>{100, 101, 103}));
    const auto pli = one<PictureLoss>(picture_loss);
    fail_unless(pli.sender == 0x11111111 && pli.media == 0x22222222);
    const auto fir = one<FullIntraRequest>(intra_request);
    fail_unless(fir.entries.size() == 1 && fir.entries[0].ssrc == 0x22222222 &&
                fir.entries[0].sequence == 7);
    fail_unless(malformed("81cd0002 11111111 22222222") == 1);
    fail_unless(malformed("81ce0001 11111111") == 1);
    fail_unless(malformed("84ce0002 11111111 00000000") == 1);
    Writer out;
    fail_unless(!write(Nack(), out) && !write(FullIntraRequest(), out) && out.size() == 0);

    Nack set;
    set.set(std::array<uint16_t, 6>{65'530, 65'530, 65'535, 10, 11, 28});
    fail_unless(set.pairs == (std::vector<Nack::Pair>{{65'530, 0x8010}, {11, 0}, {28, 0}}));
    fail_unless(all_of(set) == (std::vector<uint16_t>{65'530, 65'535, 10, 11, 28}));
    std::vector<uint16_t> far;
    for (uint16_t i = 0; i < 1'000; ++i)
        far.push_back(static_cast<uint16_t>(i * 20));
    set.set(far);
    fail_unless(set.pairs.size() == max_nack_pairs);
}
GST_END_TEST

GST_START_TEST(test_estimates) {
    const auto remb = one<ReceiverEstimate>(estimate);
    fail_unless(remb.bitrate == 2'500'000 && remb.ssrcs == std::vector<uint32_t>{0x22222222});
    // 2^63 fits, 2^64 does not; fewer SSRCs than are said.
    fail_unless(one<ReceiverEstimate>("8fce0004 11111111 00000000 52454d42 00ba0000").bitrate ==
                uint64_t(1) << 63);
    fail_unless(malformed("8fce0004 11111111 00000000 52454d42 00fe0000") == 1);
    fail_unless(malformed("8fce0004 11111111 00000000 52454d42 0112625a") == 1);
    Compound c;
    for (const uint64_t bitrate : {uint64_t(0), uint64_t(262'143), uint64_t(262'145), UINT64_MAX}) {
        Writer out;
        fail_unless(write(ReceiverEstimate{1, bitrate, {}}, out) && parse(out.view(), c).is_ok());
        const uint64_t read = std::get<ReceiverEstimate>(c.packets.at(0)).bitrate;
        fail_unless(read <= bitrate && bitrate - read <= bitrate >> 17);
    }
    // Feedback of another application.
    fail_unless(parse(from_hex("8fce0003 11111111 00000000 54455354"), c).is_ok());
    fail_unless(c.packets.empty() && c.skipped == 1);
}
GST_END_TEST

GST_START_TEST(test_transport_feedback) {
    constexpr int32_t lost = TransportFeedback::not_received;
    const auto bits = one<TransportFeedback>(bit_vector);
    fail_unless(bits.base_sequence == 16 && bits.reference_time == 3 && bits.count == 7);
    fail_unless(bits.deltas ==
                (std::vector<int32_t>{lost, 1, 2, 3, 4, 5, lost, lost, lost, 6, 7, 8, lost, lost}));
    const auto pairs = one<TransportFeedback>(pair_vector);
    fail_unless(pairs.base_sequence == 0xFFFF && pairs.reference_time == -2);
    fail_unless(pairs.deltas == (std::vector<int32_t>{lost, -200, 10, 11, 12, lost, lost}));
    const auto long_run = one<TransportFeedback>(run);
    fail_unless(long_run.deltas.size() == 222 && long_run.deltas[220] == lost &&
                long_run.deltas[221] == 255);

    // The reserved symbol; a run of none; no deltas; too many and no statuses.
    fail_unless(malformed("8fcd0005 11111111 22222222 00000001 00000300 60010000") == 1);
    fail_unless(malformed("8fcd0005 11111111 22222222 00000001 00000300 00000000") == 1);
    fail_unless(malformed("8fcd0005 11111111 22222222 00000004 00000300 20040102") == 1);
    fail_unless(malformed("8fcd0005 11111111 22222222 0000ffff 00000300 1fff1fff") == 1);
    fail_unless(malformed("8fcd0005 11111111 22222222 00000000 00000300 20010100") == 1);

    // A few bytes that tell of thousands: 4096 lost packets each, and one more.
    const std::string thousands = "8fcd0005 11111111 22222222 00001000 00000300 10000000";
    Compound many;
    fail_unless(parse(from_hex(thousands + thousands + run), many).is_ok());
    fail_unless(many.packets.size() == 2 && many.malformed == 1);
    fail_unless(parse(from_hex(thousands + run + thousands + run), many).is_ok());
    fail_unless(many.packets.size() == 3 && many.malformed == 1);

    // Any deltas come back.
    std::mt19937 random(7);
    for (int turn = 0; turn < rounds(2'000); ++turn) {
        TransportFeedback packet{1, 2, static_cast<uint16_t>(random()), -5, 9, {}};
        const size_t size = 1 + random() % 300;
        unsigned mode = 0;
        while (packet.deltas.size() < size) {
            if (random() % 20 == 0) mode = unsigned(random() % 4);
            const unsigned kind = mode < 3 ? mode : unsigned(random() % 3);
            packet.deltas.push_back(kind == 0   ? lost
                                    : kind == 1 ? int32_t(random() % 256)
                                                : int16_t(random()));
        }
        Writer out;
        Compound c;
        fail_unless(write(packet, out) && parse(out.view(), c).is_ok());
        fail_unless(std::get<TransportFeedback>(c.packets.at(0)) == packet);
    }
    Writer out;
    fail_unless(!write(TransportFeedback(), out));
    fail_unless(!write(TransportFeedback{.deltas = {32'768}}, out));
    fail_unless(!write(TransportFeedback{.deltas = std::vector<int32_t>(max_statuses + 1)}, out));
    fail_unless(out.size() == 0);
}
GST_END_TEST

GST_START_TEST(test_compound) {
    const std::string app = "80cc0002 11111111 6e616d65", xr = "80cf0001 11111111";
    const std::string all = sender_report + description + app + nack + picture_loss + xr +
                            intra_request + estimate + bit_vector + goodbye;
    const std::vector<uint8_t> bytes = from_hex(all);
    Compound c;
    fail_unless(parse(bytes, c).is_ok());
    fail_unless(c.packets.size() == 8 && c.skipped == 2 && c.malformed == 0);
    fail_unless(std::holds_alternative<SenderReport>(c.packets.front()) &&
                std::holds_alternative<Goodbye>(c.packets.back()));
    // A cut between packets is a shorter datagram, any other an error that leaves nothing.
    size_t whole = 0;
    for (size_t size = 0; size < bytes.size(); ++size) {
        const Result result = parse(ByteView(bytes).first(size), c);
        whole += result.is_ok();
        if (result.is_error()) fail_unless(c.packets.empty() && c.skipped == 0);
    }
    fail_unless(whole == 9, "%zu", whole);
    // Any byte replaced by any of a few.
    for (size_t at = 0; at < bytes.size(); ++at)
        for (const uint8_t value : {0, 1, 0x7F, 0x80, 0xFF}) {
            std::vector<uint8_t> changed = bytes;
            changed[at] = value;
            parse(changed, c);
        }

    // A malformed packet takes no other with it.
    fail_unless(parse(from_hex("81c90001 11111111" + picture_loss), c).is_ok());
    fail_unless(c.packets.size() == 1 && c.malformed == 1);
    // Padding of the last packet.
    fail_unless(parse(from_hex("a1ce0003 11111111 22222222 00000004"), c).is_ok());
    fail_unless(c.packets.size() == 1);
    fail_unless(parse(from_hex("a1ce0002 11111111 22222222"), c).is_error());
    fail_unless(parse(from_hex("a1ce0000"), c).is_error());
    fail_unless(parse(from_hex("41ce0002 11111111 22222222"), c).is_error());
    // More packets than are taken.
    std::string many;
    for (size_t i = 0; i < 2 * max_packets; ++i)
        many += picture_loss;
    fail_unless(parse(from_hex(many), c).is_ok() && c.packets.size() == max_packets);
}
GST_END_TEST

static Suite *rtp_rtcp_suite() {
    Suite *s = suite_create("rtp_rtcp");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_reports);
    tcase_add_test(tc, test_descriptions);
    tcase_add_test(tc, test_requests);
    tcase_add_test(tc, test_estimates);
    tcase_add_test(tc, test_transport_feedback);
    tcase_add_test(tc, test_compound);
    return s;
}
GST_CHECK_MAIN(rtp_rtcp)
