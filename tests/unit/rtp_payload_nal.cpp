// SPDX-License-Identifier: LGPL-2.1-or-later
// H.264 and HEVC over RTP: payloads as RFC 6184 and RFC 7798 draw them, frames of every size and
// structure, parameter sets, losses, and senders with habits of their own.
#include "core/rtp/payload/nal_depacketizer.h"
#include "core/rtp/payload/nal_packetizer.h"

#include "unit/rtp_payload_rig.hpp"

using namespace rtp_test;
using codec::NalCodec;
using mender_test::hevc_idr;
using mender_test::hevc_pps;
using mender_test::hevc_sps;
using mender_test::hevc_vps;
using mender_test::idr;
using mender_test::p_slice;
using mender_test::second_idr;
using mender_test::user_sei;
using samples::pps;
using samples::sps;

namespace {

const Unit hevc_p = from_hex("0201d01157"), hevc_sei = from_hex("4e01 05 02 aabb 80");

Unit hevc_record() {
    codec::NalConfig config;
    config.vps = {hevc_vps};
    config.sps = {hevc_sps};
    config.pps = {hevc_pps};
    Unit record;
    fail_unless(codec::build_nal_config(NalCodec::hevc, config, record).is_ok());
    return record;
}
/// With a configuration.
std::unique_ptr<NalPacketizer> packetizer_of(NalCodec codec, size_t budget = default_budget) {
    auto made = std::make_unique<NalPacketizer>(codec, budget);
    const Unit record = codec == NalCodec::avc ? samples::avc_config() : hevc_record();
    fail_unless(made->configure(record).is_ok());
    return made;
}
Unit key_of(NalCodec codec, size_t size, unsigned seed = 0) {
    return pattern(codec == NalCodec::avc ? idr : hevc_idr, size, seed);
}
Unit delta_of(NalCodec codec, size_t size, unsigned seed = 0) {
    return pattern(codec == NalCodec::avc ? p_slice : hevc_p, size, seed);
}
std::function<Depacketizer *()> maker(NalCodec codec) {
    return [codec] { return new NalDepacketizer(codec); };
}
constexpr NalCodec both[] = {NalCodec::avc, NalCodec::hevc};

/// The result for payloads that are one frame, the last with the marker.
std::vector<Frame> frames_of(NalDepacketizer &depacketizer, const std::vector<Unit> &payloads,
                             uint32_t timestamp = 0) {
    std::vector<Frame> frames;
    for (size_t i = 0; i < payloads.size(); ++i)
        (void)depacketizer.push({payloads[i], timestamp, i + 1 == payloads.size(), false}, frames);
    return frames;
}
Result error_of(NalCodec codec, const char *payload) {
    NalDepacketizer depacketizer(codec);
    std::vector<Frame> frames;
    return depacketizer.push({from_hex(payload), 0, false, false}, frames);
}

} // namespace

// RFC 6184 5.6 to 5.8, as their figures have it.
GST_START_TEST(test_avc_payloads) {
    NalDepacketizer depacketizer(NalCodec::avc);
    // STAP-A with nal_ref_idc 3 of SPS and PPS; FU-A of an IDR slice in three parts; a single unit.
    const Unit stap = joined({from_hex("78 001a"), sps, from_hex("0006"), pps});
    fail_unless_equals_int(sps.size(), 0x1a);
    std::vector<Frame> frames =
        frames_of(depacketizer, {stap, from_hex("7c 85 888400"), from_hex("7c 05 1122"),
                                 from_hex("7c 45 33"), from_hex("65 40 11")});
    fail_unless_equals_int(frames.size(), 1);
    fail_unless(frames[0].keyframe && frames[0].config_changed && !frames[0].damaged);
    check_bytes(frames[0].bytes, from_hex("00000007 65888400112233 00000003 654011"));
    check_bytes(depacketizer.config(), samples::avc_config());

    // The same the other way, with the smallest budget: the sets of the configuration, then parts.
    const auto packetizer = packetizer_of(NalCodec::avc, 64);
    const Unit slice = pattern(idr, 100), frame = lengths({slice});
    const std::vector<Unit> sent = payloads_of(*packetizer, frame, false, 64);
    fail_unless_equals_int(sent.size(), 3);
    check_bytes(sent[0], stap);
    // 99 bytes behind the header: 50 and 49.
    check_bytes(sent[1], joined({from_hex("7c 85"), ByteView(slice).subspan(1, 50)}));
    check_bytes(sent[2], joined({from_hex("7c 45"), ByteView(slice).subspan(51)}));
    Payloads payloads;
    fail_unless(packetizer->packetize(frame, false, payloads).is_ok());
    fail_unless(!payloads[1].marker && payloads[2].marker);
    fail_unless_equals_int(payloads.run_at(1), 2);
}
GST_END_TEST

// RFC 7798 4.4.1 to 4.4.3: single units, aggregation packets (48), fragments (49).
GST_START_TEST(test_hevc_payloads) {
    NalDepacketizer depacketizer(NalCodec::hevc);
    Writer ap;
    ap.u16(0x6001).u16(hevc_vps.size()).bytes(hevc_vps).u16(hevc_sps.size()).bytes(hevc_sps);
    ap.u16(hevc_pps.size()).bytes(hevc_pps);
    std::vector<Frame> frames =
        frames_of(depacketizer, {bytes_of(ap.view()), from_hex("6201 93 af1d"),
                                 from_hex("6201 13 62"), from_hex("6201 53 77 88")});
    fail_unless_equals_int(frames.size(), 1);
    fail_unless(frames[0].keyframe && frames[0].config_changed && !frames[0].damaged);
    check_bytes(frames[0].bytes, from_hex("00000007 2601af1d627788"));
    check_bytes(depacketizer.config(), hevc_record());
    // An end of sequence has no more than its header.
    frames = frames_of(depacketizer, {from_hex("0201d011"), from_hex("4801")}, 1);
    check_bytes(frames.at(0).bytes, from_hex("00000004 0201d011 00000002 4801"));
    fail_if(frames[0].keyframe || frames[0].damaged || frames[0].config_changed);

    const auto packetizer = packetizer_of(NalCodec::hevc);
    std::vector<Unit> sent = payloads_of(*packetizer, lengths({pattern(hevc_idr, 1300)}), true);
    check_bytes(sent.at(0), ap.view());
    check_bytes(ByteView(sent.at(1)).first(5), from_hex("6201 94 af1d"));
    fail_unless_equals_int(sent[1].size(), 3 + 649);
    // The header of an aggregate has the lowest layer and temporal id of its units.
    sent = payloads_of(*packetizer, from_hex("00000004 021bd011 00000004 0313d011"), false);
    check_bytes(sent.at(0), from_hex("601b 0004 021bd011 0004 0313d011"));
}
GST_END_TEST

GST_START_TEST(test_every_size) {
    for (const NalCodec codec : both) {
        const auto packetizer = packetizer_of(codec);
        NalDepacketizer depacketizer(codec);
        for (size_t size = 3; size <= 5000; size += step(size)) {
            const bool key = size % 10 == 0;
            const Unit frame = lengths({key ? key_of(codec, size) : delta_of(codec, size)});
            const Frame got = pass(*packetizer, depacketizer, frame, key);
            check_bytes(got.bytes, frame, size);
            fail_unless(got.keyframe == key);
        }
        // The smallest units, and those around the budget, at other budgets.
        for (const size_t budget : {64, 100, 1401})
            for (size_t size = budget - 6; size < budget + 6; ++size) {
                const auto other = packetizer_of(codec, budget);
                const Unit frame = lengths({delta_of(codec, size), delta_of(codec, 3)});
                check_bytes(pass(*other, depacketizer, frame, false, budget).bytes, frame);
            }
    }
}
GST_END_TEST

GST_START_TEST(test_structures) {
    std::mt19937 random(3);
    for (const NalCodec codec : both) {
        const auto packetizer = packetizer_of(codec);
        NalDepacketizer depacketizer(codec);
        for (int round = 0; round < rounds(1000); ++round) {
            const bool key = random() % 4 == 0;
            std::vector<Unit> units;
            if (random() % 2) units.push_back(codec == NalCodec::avc ? user_sei : hevc_sei);
            for (unsigned slices = 1 + random() % 6; slices > 0; --slices) {
                const size_t size = 3 + (random() % 3 ? random() % 400 : random() % 4000);
                units.push_back(key ? key_of(codec, size, slices) : delta_of(codec, size, slices));
            }
            const Unit frame = lengths(units);
            const Frame got = pass(*packetizer, depacketizer, frame, key);
            check_bytes(got.bytes, frame);
            fail_unless(got.keyframe == key);
        }
    }
    // Large frames are one send with UDP_SEGMENT each, keyframes two.
    for (const NalCodec codec : both) {
        std::vector<Sent> sent;
        const auto packetizer = packetizer_of(codec);
        fail_unless_equals_int(
            send(*packetizer, lengths({delta_of(codec, 50'000)}), false, 0, sent), 1);
        fail_unless_equals_int(send(*packetizer, lengths({key_of(codec, 50'000)}), true, 0, sent),
                               2);
    }
}
GST_END_TEST

// Delimiters and filler are not sent; sets come from the configuration unless the frame has some.
GST_START_TEST(test_what_is_sent) {
    const auto packetizer = packetizer_of(NalCodec::avc);
    NalDepacketizer depacketizer(NalCodec::avc);
    const Unit filler = from_hex("0c ffff80"), unspecified = from_hex("18 11"), aud{0x09, 0xf0};
    Frame got = pass(*packetizer, depacketizer,
                     lengths({aud, user_sei, idr, filler, second_idr, unspecified}), true);
    check_bytes(got.bytes, lengths({user_sei, idr, second_idr}));
    fail_unless(got.config_changed);
    // Sets in the frame, and none of the configuration.
    const std::vector<Unit> sent =
        payloads_of(*packetizer, lengths({samples::other_sps, pps, idr}), true);
    fail_unless_equals_int(sent.size(), 1);
    check_bytes(sent[0], joined({from_hex("78 0018"), samples::other_sps, from_hex("0006"), pps,
                                 from_hex("0006"), idr}));
    got = pass(*packetizer, depacketizer, lengths({samples::other_sps, pps, idr}), true);
    fail_unless(got.config_changed);
    check_bytes(got.bytes, lengths({idr}));
    // A keyframe by its flag only, such as one with a recovery point, has the sets as well.
    Payloads payloads;
    fail_unless(packetizer->packetize(lengths({p_slice}), true, payloads).is_ok());
    fail_unless(payloads[0].size > p_slice.size() + sps.size());
    // Refused, and nothing is left of the frame before.
    for (const Unit &broken : {Unit(), lengths({aud}), from_hex("00000005 6588")}) {
        fail_unless(packetizer->packetize(broken, true, payloads).is_error());
        fail_unless(payloads.empty());
    }
    fail_unless(packetizer->configure(from_hex("01640000")).is_error());
    // As many units as a frame may have, and one more.
    Unit many;
    for (size_t i = 0; i < max_units; ++i)
        many.insert(many.end(), {0, 0, 0, 2, 0x41, 0x9a});
    fail_unless(packetizer->packetize(many, false, payloads).is_ok());
    many.insert(many.end(), {0, 0, 0, 2, 0x41, 0x9a});
    fail_unless(packetizer->packetize(many, false, payloads).is_error() && payloads.empty());
    // Lengths of two bytes.
    codec::AvcConfig record;
    fail_unless(codec::parse_avc_config(samples::avc_config(), record).is_ok());
    record.length_size = 2;
    fail_unless(packetizer->configure(codec::build_avc_config(record)).is_ok());
    check_bytes(pass(*packetizer, depacketizer, lengths({idr, second_idr}, 2), true).bytes,
                lengths({idr, second_idr}));
}
GST_END_TEST

GST_START_TEST(test_losses) {
    for (const NalCodec codec : both) {
        const auto packetizer = packetizer_of(codec);
        std::vector<Sample> samples;
        for (unsigned i = 0; i < 9; ++i) {
            const bool key = i % 4 == 0;
            const Unit frame =
                lengths({key ? key_of(codec, 3000, i) : delta_of(codec, 900 * i, i)});
            samples.push_back({frame, key, frame});
        }
        check_losses(*packetizer, maker(codec), samples);
        check_disorder(*packetizer, maker(codec), samples);
    }
}
GST_END_TEST

// Units that came whole are kept; what has gaps is left out.
GST_START_TEST(test_damaged) {
    const auto packetizer = packetizer_of(NalCodec::avc);
    const Unit first = pattern(idr, 3000), second = pattern(second_idr, 3000);
    std::vector<Sent> sent;
    send(*packetizer, lengths({first, second}), true, 0, sent);
    fail_unless_equals_int(sent.size(), 7);
    NalDepacketizer depacketizer(NalCodec::avc);
    std::vector<Frame> frames = receive(depacketizer, sent, {5});
    fail_unless(frames.size() == 1 && frames[0].damaged && frames[0].keyframe);
    check_bytes(frames[0].bytes, lengths({first}));
    fail_unless(frames[0].config_changed);
    // A frame of which nothing is left is told about all the same.
    sent.clear();
    send(*packetizer, lengths({pattern(p_slice, 2000)}), false, 3000, sent);
    frames = receive(depacketizer, sent, {0});
    fail_unless(frames.size() == 1 && frames[0].damaged && frames[0].bytes.empty());
    fail_unless(frames[0].after_gap && frames[0].timestamp == 3000);
    // A keyframe after a gap without the sets that all others had.
    sent.clear();
    send(*packetizer, lengths({first}), true, 6000, sent);
    frames = receive(depacketizer, sent, {0});
    fail_unless(frames.size() == 1 && frames[0].damaged);
}
GST_END_TEST

GST_START_TEST(test_habits) {
    // Markers on each slice: the first frame is cut, and told so; then the timestamp decides.
    NalDepacketizer slices(NalCodec::avc);
    std::vector<Frame> frames;
    for (uint32_t i = 0; i < 4; ++i)
        for (const Unit &unit : {idr, second_idr})
            fail_unless(slices.push({unit, i, true, false}, frames).is_ok());
    slices.flush(frames);
    fail_unless_equals_int(frames.size(), 5);
    fail_unless(!frames[0].damaged && frames[1].damaged);
    for (size_t i = 2; i < 5; ++i) {
        check_bytes(frames[i].bytes, lengths({idr, second_idr}));
        fail_if(frames[i].damaged);
    }
    // No markers at all.
    NalDepacketizer unmarked(NalCodec::avc);
    frames.clear();
    for (uint32_t i = 0; i < 3; ++i)
        for (const Unit &unit : {sps, pps, idr, second_idr})
            fail_unless(unmarked.push({unit, i, false, false}, frames).is_ok());
    fail_unless_equals_int(frames.size(), 2);
    fail_unless(frames[0].config_changed && !frames[1].config_changed);
    check_bytes(frames[1].bytes, lengths({idr, second_idr}));
    // Sets with markers, and even timestamps, of their own are no frames.
    NalDepacketizer apart(NalCodec::avc);
    frames.clear();
    uint32_t time = 0;
    for (const Unit &unit : {sps, pps, idr})
        fail_unless(apart.push({unit, time++, true, false}, frames).is_ok());
    fail_unless(frames.size() == 1 && frames[0].config_changed && frames[0].timestamp == 2);
    check_bytes(apart.config(), samples::avc_config());
    // Start codes in front of units.
    frames = frames_of(apart, {mender_test::start_codes({sps, pps, idr}, 4)}, 3);
    fail_unless(frames.size() == 1 && !frames[0].config_changed && !frames[0].damaged);
    check_bytes(frames[0].bytes, lengths({idr}));
    // A unit in a single fragment, which no sender may make.
    frames = frames_of(apart, {from_hex("7c c5 888400")}, 4);
    check_bytes(frames.at(0).bytes, from_hex("00000004 65888400"));
    // Packets of nothing but padding pass unnoticed, but for what is missing in front.
    frames.clear();
    fail_unless(apart.push({{}, 4, false, true}, frames).is_ok() && frames.empty());
    fail_unless(apart.push({p_slice, 5, true, false}, frames).is_ok());
    fail_unless(frames.size() == 1 && frames[0].after_gap && !frames[0].damaged);
}
GST_END_TEST

GST_START_TEST(test_parameter_sets) {
    // Told out of band, then the same in band.
    NalDepacketizer depacketizer(NalCodec::avc);
    depacketizer.learn({ByteView(), sps, pps, from_hex("1c00")});
    check_bytes(depacketizer.config(), samples::avc_config());
    std::vector<Frame> frames = frames_of(depacketizer, {sps, pps, idr});
    fail_unless(frames.size() == 1 && frames[0].config_changed);
    frames = frames_of(depacketizer, {sps, pps, idr}, 1);
    fail_if(frames.at(0).config_changed);
    // Another PPS with the same id, which a configuration can't have beside the first: it stays in
    // the frame.
    const Unit other = from_hex("68ebe3cb22c1");
    frames = frames_of(depacketizer, {sps, other, idr}, 2);
    fail_if(frames.at(0).config_changed);
    check_bytes(frames[0].bytes, lengths({other, idr}));
    // Another SPS is a change.
    frames = frames_of(depacketizer, {samples::other_sps, other, idr}, 3);
    fail_unless(frames.at(0).config_changed);
    check_bytes(frames[0].bytes, lengths({idr}));
    // A recovery point makes a keyframe.
    frames = frames_of(depacketizer, {mender_test::recovery_sei, p_slice}, 4);
    fail_unless(frames.at(0).keyframe);
    // Floods of sets stay bounded, and what is too much stays in the frame.
    Unit large = pattern(from_hex("67640000"), 5000);
    std::vector<Unit> units(200, pps);
    units.push_back(large);
    units.push_back(idr);
    std::vector<Unit> payloads;
    for (const Unit &unit : units)
        payloads.push_back(unit);
    frames = frames_of(depacketizer, payloads, 5);
    fail_unless(frames.at(0).bytes.size() >= large.size() + idr.size() + 8);
}
GST_END_TEST

GST_START_TEST(test_refusals) {
    for (const char *interleaved : {"79 0000 0002 6588", "7a 0000", "7b 0000", "7d 85 0000 11"})
        fail_unless_equals_string(error_of(NalCodec::avc, interleaved).reason().c_str(),
                                  "interleaved H.264 (packetization mode 2) is not supported");
    for (const char *broken : {"60 11", "7f 11", "e5 11", "78 0009 65", "78 0002 7811", "7c 85",
                               "7c", "7c 05 11", "7c 98 11", "7c 80 11"})
        fail_unless(error_of(NalCodec::avc, broken).is_error(), "%s", broken);
    for (const char *broken : {"02", "6401 0000", "7e01 11", "8201 11", "6001 0009 02", "6201 93",
                               "6201 13 11", "6001 0002 6001"})
        fail_unless(error_of(NalCodec::hevc, broken).is_error(), "%s", broken);
    // An unfinished unit in front of another one, or of the frame's end.
    for (const bool ends : {false, true}) {
        NalDepacketizer depacketizer(NalCodec::avc);
        std::vector<Unit> payloads{idr, from_hex("7c 85 11")};
        if (!ends) payloads.push_back(second_idr);
        const std::vector<Frame> frames = frames_of(depacketizer, payloads);
        fail_unless(frames.at(0).damaged);
        check_bytes(frames[0].bytes, ends ? lengths({idr}) : lengths({idr, second_idr}));
    }
    // A frame without end.
    NalDepacketizer depacketizer(NalCodec::avc);
    const Unit part = pattern(from_hex("7c 05"), 60'000);
    std::vector<Frame> frames;
    fail_unless(depacketizer.push({from_hex("7c 85 88"), 0, false, false}, frames).is_ok());
    unsigned refused = 0;
    for (unsigned i = 0; i < 300; ++i)
        refused += depacketizer.push({part, 0, false, false}, frames).is_error();
    fail_unless(refused == 1 && frames.empty());
    fail_unless(depacketizer.push({idr, 1, true, false}, frames).is_ok());
    fail_unless(frames.size() == 2 && frames[0].damaged && !frames[1].damaged);
}
GST_END_TEST

GST_START_TEST(test_cuts) {
    for (const NalCodec codec : both) {
        const auto packetizer = packetizer_of(codec, 80);
        std::vector<Sent> sent;
        send(*packetizer, lengths({key_of(codec, 200), key_of(codec, 20)}), true, 0, sent, 80);
        check_cuts(maker(codec), sent, 64);
    }
}
GST_END_TEST

static Suite *rtp_payload_nal_suite() {
    Suite *s = suite_create("rtp_payload_nal");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_avc_payloads);
    tcase_add_test(tc, test_hevc_payloads);
    tcase_add_test(tc, test_every_size);
    tcase_add_test(tc, test_structures);
    tcase_add_test(tc, test_what_is_sent);
    tcase_add_test(tc, test_losses);
    tcase_add_test(tc, test_damaged);
    tcase_add_test(tc, test_habits);
    tcase_add_test(tc, test_parameter_sets);
    tcase_add_test(tc, test_refusals);
    tcase_add_test(tc, test_cuts);
    return s;
}
GST_CHECK_MAIN(rtp_payload_nal)
