// SPDX-License-Identifier: LGPL-2.1-or-later
// What a participant sends is bounded, and can't silence the slots of others.
#include "core/rtp/rtx.h"
#include "srtp_rig.hpp"

#include "room_streams_rig.hpp"

using namespace room_test;

GST_START_TEST(test_rates) {
    const Joined joined(section("0", "audio", "sendonly", "a=ssrc:6 cname:x\r\n") +
                            section("1", "video", "sendonly", "a=ssrc:7 cname:x\r\n"),
                        " 0 1");
    Sender sender;
    Upstream upstream(joined.offer, joined.answer, {}, sender, 0);
    const auto bits_of = [&](SourceKind kind) {
        uint64_t out = 0;
        for (const auto &[of, packet] : sender.packets)
            if (of == kind) out += packet->payload.size() * 8;
        return out;
    };
    // As much as browsers send: all of it passes.
    int64_t now = 0;
    uint16_t sound = 100, picture = 100;
    const auto send = [&](size_t audio, size_t video, int videos) {
        now += 20 * ms;
        upstream.on_rtp(rtp_of(6, 111, sound, sound * 960u, false, audio), now);
        ++sound;
        for (int i = 0; i < videos; ++i, ++picture)
            upstream.on_rtp(rtp_of(7, 96, picture, uint32_t(now / ms * 90), true, video), now);
    };
    for (int i = 0; i < 500; ++i)
        send(320, 1'200, 16); // 128 kbit/s, 7.7 Mbit/s
    fail_unless_equals_int(sender.packets.size(), 500 * 17);
    // Ten times as much, in ten seconds: as much as is allowed.
    sender.packets.clear();
    for (int i = 0; i < 500; ++i)
        send(1'900, 1'200, 160);
    fail_unless(bits_of(SourceKind::microphone) < 12 * 250'000);
    fail_unless(bits_of(SourceKind::microphone) > 8 * 250'000);
    fail_unless(bits_of(SourceKind::camera) < 11 * 15'000'000);
    fail_unless(bits_of(SourceKind::camera) > 8 * 15'000'000);
}
GST_END_TEST

namespace {

/// One participant's media to another one: Upstream, Downstream, and the encryption of both ends.
struct Line : Upstream::Handler, Downstream::Handler {
    Line()
        : up(above.offer, above.answer, {}, *this, now),
          down(
              slots_of(policy_below(), below.answer), {}, *this, [] { return 77u; }, now) {
        down.set_scene({{5, 1, SourceKind::camera, 0}, {6, 1, SourceKind::microphone, 0}}, 2);
        down.check(now, now);
    }
    const sdp::AnswerPolicy &policy_below() const { return below.policy; }
    // Upstream::Handler
    void on_packet(SourceKind kind, const MediaPacketPtr &packet) override {
        down.on_packet(kind == SourceKind::camera ? 5 : 6, packet, now);
    }
    void on_level(uint8_t) override {}
    void on_rtcp(ByteView) override {}
    // Downstream::Handler
    bool send_rtp(ByteView header, std::span<const ByteView> payload,
                  const MediaPacketPtr &) override {
        std::array<uint8_t, 2'048> scratch;
        const srtp::Outcome sent = sender.protect(header, payload, scratch);
        if (!sent.ok()) return false;
        if (!is_cut && receiver.unprotect(std::span(scratch).first(sent.size)).ok())
            ++arrived[header[1] & 0x7F];
        return true;
    }
    void send_rtcp(ByteView) override {}
    void on_interest(const Target &, bool) override {}
    void want_keyframe(const Target &) override {}
    MediaPacketPtr find(const Target &, uint32_t, int64_t) override { return nullptr; }
    std::vector<LayerFacts> layers_of(uint64_t) override { return {{true, 200'000, 320, 180}}; }

    void send(ByteView packet) {
        now += 20 * ms;
        up.on_rtp(packet, now);
    }

    const Joined above{section("0", "audio", "sendonly", "a=ssrc:6 cname:x\r\n") +
                           section("1", "video", "sendonly", "a=ssrc:7 cname:x\r\n"),
                       " 0 1"};
    const Joined below{
        section("0", "audio", "recvonly", "") + section("1", "video", "recvonly", ""), " 0 1"};
    int64_t now = second;
    srtp::Sender sender{srtp::Profile::aes128_cm_sha1_80, srtp_test::master_key()};
    srtp::Receiver receiver{srtp::Profile::aes128_cm_sha1_80, srtp_test::master_key()};
    std::map<unsigned, unsigned> arrived; ///< by payload type
    bool is_cut = false;                  ///< nothing arrives
    Upstream up;
    Downstream down;
};

} // namespace

GST_START_TEST(test_gaps_silence_nobody) {
    Line line;
    uint16_t sequence = 100;
    const auto send = [&](size_t size) {
        line.send(rtp_of(6, 111, sequence, sequence * 960u, false, size));
    };
    send(100);
    fail_unless_equals_int(line.arrived[111], 1);
    // The gaps that are taken for losses, with packets as long as a datagram may be.
    for (int i = 0; i < 24; ++i) {
        sequence = uint16_t(sequence + 2'999);
        send(2'036);
    }
    ++sequence;
    for (int i = 0; i < 10; ++i) {
        send(100);
        ++sequence;
    }
    // All but the one by which the sender is found to go on somewhere else.
    fail_unless_equals_int(line.arrived[111], 10);
    // The same with short ones, while the receiver hears nothing.
    line.is_cut = true;
    for (int i = 0; i < 100; ++i) {
        sequence = uint16_t(sequence + 2'999);
        send(100);
    }
    line.is_cut = false;
    for (int i = 0; i < 10; ++i) {
        ++sequence;
        send(100);
    }
    fail_unless_equals_int(line.arrived[111], 20);
}
GST_END_TEST

GST_START_TEST(test_retransmissions_far_ahead) {
    Line line;
    uint16_t sequence = 100, rtx_sequence = 9;
    const auto send_rtx = [&](uint16_t original) {
        const auto bytes = rtp_of(7, 96, original, original * 3'000u, true);
        rtp::Packet packet;
        fail_unless(rtp::parse(bytes, packet).is_ok());
        Writer out;
        rtp::write_rtx(packet, 97, 8, rtx_sequence++, out);
        line.send(out.view());
    };
    const auto send = [&] {
        line.send(rtp_of(7, 96, sequence, sequence * 3'000u, true));
        ++sequence;
    };
    send();
    send();
    fail_unless_equals_int(line.arrived[96], 2);
    line.is_cut = true;
    for (int i = 1; i <= 10; ++i)
        send_rtx(uint16_t(sequence + i * 32'000)); // never sent, nor asked for
    line.is_cut = false;
    for (int i = 0; i < 10; ++i)
        send();
    fail_unless_equals_int(line.arrived[96], 12);
    // One that is missing is taken, once.
    const uint16_t missing = sequence++;
    send();
    send_rtx(missing);
    send_rtx(missing);
    fail_unless_equals_int(line.arrived[96], 14);
}
GST_END_TEST

static Suite *room_bounds_suite() {
    Suite *s = suite_create("room_bounds");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_rates);
    tcase_add_test(tc, test_gaps_silence_nobody);
    tcase_add_test(tc, test_retransmissions_far_ahead);
    return s;
}
GST_CHECK_MAIN(room_bounds)
