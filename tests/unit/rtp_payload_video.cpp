// SPDX-License-Identifier: LGPL-2.1-or-later
// AV1, VP8 and VP9 over RTP: payloads as their specifications draw them, frames of every size and
// structure, losses, and layers.
#include "core/codec/bits.h"
#include "core/rtp/payload/av1_depacketizer.h"
#include "core/rtp/payload/av1_packetizer.h"
#include "core/rtp/payload/vp8.h"
#include "core/rtp/payload/vp9.h"

#include "unit/rtp_payload_rig.hpp"

using namespace rtp_test;

namespace {

/// The sequence header of a stream of 176x144, as a unit with its size.
const Unit sequence_header = from_hex("0a0a 00000003 37fbe6d7c802");

Unit obu(uint8_t type, const Unit &payload) {
    Writer w;
    w.u8(type << 3 | 2);
    size_t size = payload.size();
    for (; size > 0x7F; size >>= 7)
        w.u8(0x80 | (size & 0x7F));
    return w.u8(size).bytes(payload).take();
}
Unit av1_frame(bool key, size_t size, unsigned seed = 0) {
    return obu(6, pattern({uint8_t(key ? 0x10 : 0x30)}, size, seed));
}
Unit av1_key(size_t size, unsigned seed = 0) {
    return joined({sequence_header, av1_frame(true, size, seed)});
}
const Unit vp8_head = from_hex("1002009d012a"), vp8_delta_head = from_hex("110200");
const Unit vp9_head = from_hex("824983420007f005f60638"), vp9_delta_head = from_hex("8611");

/// The payloads of one frame with markers on the last, for a depacketizer; errors are ignored.
std::vector<Frame> frames_of(Depacketizer &depacketizer, const std::vector<Unit> &payloads,
                             uint32_t timestamp = 0, bool lost_before = false) {
    std::vector<Frame> frames;
    for (size_t i = 0; i < payloads.size(); ++i)
        (void)depacketizer.push(
            {payloads[i], timestamp, i + 1 == payloads.size(), lost_before && i == 0}, frames);
    return frames;
}
void check_error(Depacketizer &depacketizer, const char *payload) {
    std::vector<Frame> frames;
    fail_unless(depacketizer.push({from_hex(payload), 0, false, false}, frames).is_error(), "%s",
                payload);
}

/// Frames of every size pass, and losses are told, with keyframes `key(size, seed)` and others.
template <class MakePacketizer, class Key, class Delta>
void check_codec(MakePacketizer &&make, const std::function<Depacketizer *()> &receiver, Key &&key,
                 Delta &&delta, size_t smallest) {
    const auto packetizer = make(default_budget), narrow = make(64);
    const std::unique_ptr<Depacketizer> depacketizer(receiver()), other(receiver());
    for (size_t size = smallest; size <= 5000; size += step(size)) {
        const bool is_key = size % 10 == 0;
        const Unit frame = is_key ? key(size, 0) : delta(size, 0);
        const Frame got = pass(*packetizer, *depacketizer, frame, is_key);
        check_bytes(got.bytes, frame, size);
        fail_unless(got.keyframe == is_key, "%zu", size);
        if (size > 300) continue;
        check_bytes(pass(*narrow, *other, frame, is_key, 64).bytes, frame, size);
    }
    std::vector<Sample> samples;
    for (unsigned i = 0; i < 9; ++i) {
        const bool is_key = i % 4 == 0;
        const Unit frame = is_key ? key(3000, i) : delta(900 * i, i);
        samples.push_back({frame, is_key, frame});
    }
    check_losses(*packetizer, receiver, samples);
    check_disorder(*packetizer, receiver, samples);
    std::vector<Sent> sent;
    fail_unless_equals_int(send(*packetizer, delta(50'000, 0), false, 0, sent), 1);
    fail_unless_equals_int(send(*packetizer, key(50'000, 0), true, 0, sent), 1);
    sent.clear();
    send(*narrow, key(150, 0), true, 0, sent, 64);
    send(*narrow, delta(100, 0), false, 1, sent, 64);
    check_cuts(receiver, sent, 64);
    // An empty frame is refused, and nothing is left of the frame before.
    Payloads payloads;
    fail_unless(packetizer->packetize(delta(100, 0), false, payloads).is_ok());
    fail_unless(packetizer->packetize({}, false, payloads).is_error() && payloads.empty());
}

} // namespace

// Sections 4.3 and 4.4: aggregation headers and elements.
GST_START_TEST(test_av1_payloads) {
    Av1Packetizer packetizer;
    Av1Depacketizer depacketizer;
    const Unit delimiter = from_hex("1200"), padding = from_hex("7a 01 80");
    // W=2 and N=1; the first element has its size, neither unit has.
    const Unit key = joined({delimiter, av1_key(3), padding});
    const Unit wanted = joined({from_hex("28 0b 08"), ByteView(sequence_header).subspan(2),
                                from_hex("30"), ByteView(av1_frame(true, 3)).subspan(2)});
    std::vector<Unit> payloads = payloads_of(packetizer, key, true);
    fail_unless_equals_int(payloads.size(), 1);
    check_bytes(payloads[0], wanted);
    std::vector<Frame> frames = frames_of(depacketizer, payloads);
    fail_unless(frames.size() == 1 && frames[0].keyframe && frames[0].config_changed);
    check_bytes(frames[0].bytes, av1_key(3));
    check_bytes(depacketizer.config(), joined({from_hex("81000c00"), sequence_header}));
    // W=1.
    payloads = payloads_of(packetizer, from_hex("3203 30aabb"), false);
    check_bytes(payloads.at(0), from_hex("10 30 30aabb"));
    // Four elements: all have sizes. One of them has an extension.
    const Unit four = from_hex("1a01 30 2201 aa 2201 bb 2608 01 cc");
    const Unit tiles = from_hex("1a01 30 2201 aa 2201 bb 2608 01 cc");
    payloads = payloads_of(packetizer, tiles, false);
    check_bytes(payloads.at(0), from_hex("00 02 1830 02 20aa 02 20bb 03 2408cc"));
    frames = frames_of(depacketizer, payloads, 1);
    check_bytes(frames.at(0).bytes, four);
    fail_if(frames[0].keyframe || frames[0].config_changed || frames[0].damaged);

    // Y and Z: a unit in three fragments, of which the first shares its payload.
    frames = frames_of(depacketizer,
                       {from_hex("60 02 1830 20 aa"), from_hex("d0 bb"), from_hex("90 cc")}, 2);
    check_bytes(frames.at(0).bytes, from_hex("1a0130 2203aabbcc"));
    fail_if(frames[0].damaged);
    // Sizes that the sender left in, several units in an element, delimiters, empty elements.
    frames =
        frames_of(depacketizer, {from_hex("10 1200 1a0130 2201aa"), from_hex("00 00 02 20bb")}, 3);
    check_bytes(frames.at(0).bytes, from_hex("1a0130 2201aa 2201bb"));
    // Another sequence header.
    const Unit other = from_hex("08 00000003 37fbe6d7ca02");
    frames = frames_of(depacketizer, {joined({from_hex("28 0b"), other, from_hex("30 10")})}, 4);
    fail_unless(frames.at(0).config_changed && frames[0].keyframe);

    for (const char *broken : {"10", "20 05 30", "30 01 30 01 30", "00 81", "10 b0", "10 32 7f 30",
                               "90 30", "00 ffffffffffffffffff01 30"}) {
        Av1Depacketizer fresh;
        check_error(fresh, broken);
    }
    // A unit that is not finished: in front of another one, or at the end.
    for (const char *last : {"10 30 30", "50 30 30"}) {
        frames = frames_of(depacketizer, {from_hex("50 18 30 aa"), from_hex(last)}, 5);
        fail_unless(frames.at(0).damaged);
    }
}
GST_END_TEST

GST_START_TEST(test_av1_configuration) {
    Av1Packetizer packetizer;
    fail_unless(packetizer.configure(joined({from_hex("81000c00"), sequence_header})).is_ok());
    fail_unless(packetizer.configure(from_hex("80000c00")).is_error());
    // In front of keyframes without a sequence header only.
    Av1Depacketizer depacketizer;
    const Unit key = av1_frame(true, 3000), delta = av1_frame(false, 3000);
    check_bytes(pass(packetizer, depacketizer, key, false).bytes, av1_key(3000));
    check_bytes(pass(packetizer, depacketizer, av1_key(3000), true).bytes, av1_key(3000));
    check_bytes(pass(packetizer, depacketizer, delta, false).bytes, delta);
    Payloads payloads;
    for (const char *broken : {"1200", "3205 10", "b201 10"})
        fail_unless(packetizer.packetize(from_hex(broken), true, payloads).is_error());
    // As many units as a frame may have, and one more.
    Unit many;
    for (size_t i = 0; i < max_units; ++i)
        many.insert(many.end(), {0x22, 0});
    fail_unless(packetizer.packetize(many, false, payloads).is_ok());
    many.insert(many.end(), {0x22, 0});
    fail_unless(packetizer.packetize(many, false, payloads).is_error() && payloads.empty());
}
GST_END_TEST

GST_START_TEST(test_av1_structures) {
    check_codec([](size_t budget) { return std::make_unique<Av1Packetizer>(budget); },
                [] { return new Av1Depacketizer; }, av1_key,
                [](size_t size, unsigned seed) { return av1_frame(false, size, seed); }, 1);
    // Any number of units of any size, with any budget.
    std::mt19937 random(5);
    for (int round = 0; round < rounds(2000); ++round) {
        const size_t budget = 64 + random() % 1200;
        Av1Packetizer packetizer(budget);
        Av1Depacketizer depacketizer;
        Unit frame;
        for (unsigned units = 1 + random() % 9; units > 0; --units) {
            const size_t size = random() % 3 ? random() % 200 : random() % 3000;
            Unit unit = obu(uint8_t(3 + random() % 3), pattern({}, size, units));
            if (random() % 3 == 0) {
                unit[0] |= 4;
                unit.insert(unit.begin() + 1, 0x28);
            }
            frame.insert(frame.end(), unit.begin(), unit.end());
        }
        check_bytes(pass(packetizer, depacketizer, frame, false, budget).bytes, frame);
    }
}
GST_END_TEST

// RFC 7741 4.2 and 4.6.
GST_START_TEST(test_vp8_payloads) {
    Vp8Packetizer packetizer(default_budget, 0x7FFF);
    Vp8Depacketizer depacketizer;
    const Unit key = pattern(vp8_head, 20);
    check_bytes(payloads_of(packetizer, key, true).at(0), joined({from_hex("90 80 ffff"), key}));
    check_bytes(payloads_of(packetizer, key, true).at(0), joined({from_hex("90 80 8000"), key}));
    // 4.6.1 to 4.6.3: a key frame in one packet, with a picture id of seven bits; one whose
    // partitions are in packets of their own; an interframe with all fields.
    std::vector<Frame> frames = frames_of(depacketizer, {joined({from_hex("90 80 11"), key})}, 1);
    check_bytes(frames.at(0).bytes, key);
    fail_unless(frames[0].keyframe && !frames[0].damaged);
    frames = frames_of(
        depacketizer,
        {joined({from_hex("90 80 12"), key}), from_hex("91 80 12 aabb"), from_hex("81 80 12 cc")},
        2);
    check_bytes(frames.at(0).bytes, joined({key, from_hex("aabbcc")}));
    const Unit delta = pattern(vp8_delta_head, 10);
    frames = frames_of(depacketizer, {joined({from_hex("b0 f0 9234 4d 60"), delta})}, 3);
    check_bytes(frames.at(0).bytes, delta);
    fail_if(frames[0].keyframe || frames[0].damaged);
    // Without extensions; two frames of the same time, the first without a marker.
    frames.clear();
    for (const char *head : {"10", "10"})
        fail_unless(
            depacketizer.push({joined({from_hex(head), delta}), 4, false, false}, frames).is_ok());
    depacketizer.flush(frames);
    fail_unless(frames.size() == 2 && !frames[0].damaged && !frames[1].damaged);
    check_bytes(frames[1].bytes, delta);
    for (const char *broken :
         {"90", "90 80", "90 80 80", "90 40", "90 20", "90 10 00", "10", "00 1100", "11 1100"}) {
        Vp8Depacketizer fresh;
        check_error(fresh, broken);
    }
    // What came before the gap.
    std::vector<Sent> sent;
    send(packetizer, pattern(vp8_head, 3000), true, 5, sent);
    frames = receive(depacketizer, sent, {1});
    fail_unless(frames.size() == 1 && frames[0].damaged && frames[0].keyframe);
    check_bytes(frames[0].bytes, ByteView(pattern(vp8_head, 3000)).first(1000));
    check_codec([](size_t budget) { return std::make_unique<Vp8Packetizer>(budget); },
                [] { return new Vp8Depacketizer; },
                [](size_t size, unsigned seed) { return pattern(vp8_head, size, seed); },
                [](size_t size, unsigned seed) { return pattern(vp8_delta_head, size, seed); }, 1);
}
GST_END_TEST

// RFC 9628 4.2.
GST_START_TEST(test_vp9_payloads) {
    Vp9Packetizer packetizer(default_budget, 0x7FFF);
    Vp9Depacketizer depacketizer;
    const Unit key = pattern(vp9_head, 20), delta = pattern(vp9_delta_head, 10);
    // One layer of 128x96.
    check_bytes(payloads_of(packetizer, key, true).at(0),
                joined({from_hex("8e ffff 10 0080 0060"), key}));
    check_bytes(payloads_of(packetizer, delta, false).at(0), joined({from_hex("cc 8000"), delta}));
    std::vector<Unit> payloads = payloads_of(packetizer, pattern(vp9_head, 3000), true);
    fail_unless_equals_int(payloads.size(), 3);
    check_bytes(ByteView(payloads[0]).first(3), from_hex("8a 8001"));
    check_bytes(ByteView(payloads[1]).first(3), from_hex("80 8001"));
    check_bytes(ByteView(payloads[2]).first(3), from_hex("84 8001"));
    // Profiles 1 to 3 have other bits in front of the size.
    for (unsigned profile = 0; profile < 4; ++profile) {
        codec::BitWriter w;
        w.u(2, 2).u(1, profile & 1).u(1, profile >> 1).u(profile == 3 ? 5 : 4, 2);
        w.u(24, 0x498342).u(profile < 2 ? 0 : 1, 0).u(4, 2).u(profile & 1 ? 3 : 0, 0);
        const Unit frame = pattern(w.u(16, 1919).u(16, 1079).take(), 40);
        check_bytes(payloads_of(packetizer, frame, true).at(0),
                    joined({from_hex("8e 80"), Unit{uint8_t(2 + profile)}, from_hex("10 0780 0438"),
                            frame}));
    }
    check_codec([](size_t budget) { return std::make_unique<Vp9Packetizer>(budget); },
                [] { return new Vp9Depacketizer; },
                [](size_t size, unsigned seed) { return pattern(vp9_head, size, seed); },
                [](size_t size, unsigned seed) { return pattern(vp9_delta_head, size, seed); }, 1);

    // The flexible mode with three references; a structure with sizes and a group of pictures.
    std::vector<Frame> frames =
        frames_of(depacketizer, {joined({from_hex("dc 05 03 05 06"), delta})}, 1);
    check_bytes(frames.at(0).bytes, delta);
    frames =
        frames_of(depacketizer,
                  {joined({from_hex("8e 8105 38 01400168 028002d0 02 04 01 08 02 01"), key})}, 2);
    check_bytes(frames.at(0).bytes, key);
    fail_unless(frames[0].keyframe && !frames[0].damaged);
    for (const char *broken :
         {"8c", "8c 85", "8c 05", "ac 05 00", "ac 05 00 00", "dc 05 03", "dc 05 03 03 03 02 86",
          "8e 05 10 0000", "8e 05 08 02 04 01", "84 05 8600"}) {
        Vp9Depacketizer fresh;
        check_error(fresh, broken);
    }
    // Two pictures of the same time, without markers; layers without ends.
    frames.clear();
    for (const char *head : {"cc 05", "c8 06"})
        fail_unless(
            depacketizer.push({joined({from_hex(head), delta}), 3, false, false}, frames).is_ok());
    depacketizer.flush(frames);
    fail_unless(frames.size() == 2 && !frames[0].damaged && !frames[1].damaged);
}
GST_END_TEST

// Spatial layers become a superframe.
GST_START_TEST(test_vp9_layers) {
    const Unit base = pattern(vp9_head, 300), middle = pattern(vp9_delta_head, 20),
               top = pattern(vp9_delta_head, 40);
    // Non-flexible mode, layer frames in one, one and two packets.
    const std::vector<Unit> payloads{joined({from_hex("ac 05 00 07"), base}),
                                     joined({from_hex("ec 05 03 07"), middle}),
                                     joined({from_hex("e8 05 05 07"), ByteView(top).first(30)}),
                                     joined({from_hex("e4 05 05 07"), ByteView(top).subspan(30)})};
    Vp9Depacketizer depacketizer;
    std::vector<Frame> frames = frames_of(depacketizer, payloads);
    fail_unless(frames.size() == 1 && frames[0].keyframe && !frames[0].damaged);
    check_bytes(frames[0].bytes, joined({base, middle, top, from_hex("ca 2c01 1400 2800 ca")}));
    // Without one of the packets, what is below.
    const Unit without[] = {{},
                            base,
                            joined({base, middle, from_hex("c9 2c01 1400 c9")}),
                            joined({base, middle, from_hex("c9 2c01 1400 c9")})};
    for (size_t lost = 0; lost < 4; ++lost) {
        std::vector<Sent> sent;
        for (const Unit &payload : payloads)
            sent.push_back({payload, 1, payload == payloads.back()});
        sent.push_back({payloads[0], 2, true});
        frames = receive(depacketizer, sent, {lost});
        fail_unless_equals_int(frames.size(), 2);
        fail_unless(frames[0].damaged && !frames[1].damaged && frames[1].keyframe);
        check_bytes(frames[0].bytes, without[lost], lost);
    }
    // More layers than there can be.
    std::vector<Unit> many;
    for (unsigned i = 0; i < 12; ++i)
        many.push_back(joined({from_hex(i == 0 ? "ac 05 00 07" : "ec 05 03 07"), middle}));
    frames = frames_of(depacketizer, many, 3);
    fail_unless(frames.size() == 1 && frames[0].damaged);
    fail_unless_equals_int(frames[0].bytes.size(), 8 * 20 + 2 + 8);
}
GST_END_TEST

static Suite *rtp_payload_video_suite() {
    Suite *s = suite_create("rtp_payload_video");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_av1_payloads);
    tcase_add_test(tc, test_av1_configuration);
    tcase_add_test(tc, test_av1_structures);
    tcase_add_test(tc, test_vp8_payloads);
    tcase_add_test(tc, test_vp9_payloads);
    tcase_add_test(tc, test_vp9_layers);
    return s;
}
GST_CHECK_MAIN(rtp_payload_video)
