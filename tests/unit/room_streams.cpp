// SPDX-License-Identifier: LGPL-2.1-or-later
// A participant's two halves without a network: what it sends becomes packets for all, and what it
// gets fits its network.
#include "core/rtp/rtx.h"
#include "core/rtp/twcc_sender.h"

#include "room_streams_rig.hpp"

using namespace room_test;

GST_START_TEST(test_policy) {
    std::string sections = section("0", "audio", "sendonly", ""), mids = " 0";
    sections += section("1", "video", "sendonly", "") + section("2", "video", "sendonly", "");
    mids += " 1 2";
    for (int i = 3; i < 22; ++i) {
        sections += section(std::to_string(i).c_str(), i < 20 ? "video" : "audio", "recvonly", "");
        mids += " " + std::to_string(i);
    }
    sections +=
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n";
    const Joined joined(sections, mids + " d");
    const auto slots = slots_of(joined.policy, joined.answer);
    // Of 17 videos 16 are slots, and one is rejected.
    fail_unless_equals_int(slots.size(), 18);
    fail_unless(slots[0].mid == "3" && slots[0].is_video && slots[0].rtx == 97);
    fail_unless(slots[0].has_feedback && slots[0].transport_sequence == 2);
    fail_unless(!slots[16].is_video && slots[16].mid == "20");
    fail_unless(!joined.answer.sections[19].is_accepted && joined.answer.sections[22].is_accepted);
    std::set<uint32_t> ssrcs;
    for (const auto &slot : slots)
        ssrcs.insert({slot.ssrc, slot.is_video ? slot.rtx_ssrc : slot.ssrc});
    fail_unless_equals_int(ssrcs.size(), 16 * 2 + 2);
    Sender sender;
    const Upstream upstream(joined.offer, joined.answer, {}, sender, 0);
    for (const SourceKind kind : {SourceKind::microphone, SourceKind::camera, SourceKind::screen})
        fail_unless(upstream.find(kind) != nullptr);
}
GST_END_TEST

GST_START_TEST(test_upstream) {
    const Joined joined(section("1", "video", "sendonly", "a=ssrc:7 cname:x\r\n"), " 1");
    Sender sender;
    Upstream upstream(joined.offer, joined.answer, {}, sender, 0);
    int64_t now = 0;
    uint16_t sequence = 65'530;
    uint32_t timestamp = 5;
    const auto send = [&](bool key, uint32_t ssrc = 7) {
        now += 33 * ms;
        upstream.on_rtp(rtp_of(ssrc, 96, sequence++, timestamp += 3'000, key), now);
        upstream.check(now);
    };
    send(true);
    for (int i = 0; i < 20; ++i)
        send(false);
    // Across the wrap, without a gap; times follow the timestamps.
    fail_unless_equals_int(sender.packets.size(), 21);
    for (size_t i = 1; i < sender.packets.size(); ++i) {
        const MediaPacket &before = *sender.packets[i - 1].second,
                          &after = *sender.packets[i].second;
        fail_unless(after.sequence == before.sequence + 1 && after.epoch == before.epoch);
        fail_unless(std::abs(after.time - before.time - 33 * ms) < 2 * ms);
    }
    // One that is lost is asked for, and passes late in its place; twice it does not.
    const uint16_t lost = sequence++;
    send(false);
    now += 30 * ms;
    upstream.check(now);
    fail_unless(std::ranges::count(sender.nacked, lost) > 0);
    rtp::Packet again;
    const auto late = rtp_of(7, 96, lost, timestamp - 3'000, false);
    fail_unless(rtp::parse(late, again).is_ok());
    Writer rtx;
    rtp::write_rtx(again, 97, 8, 1, rtx);
    upstream.on_rtp(rtx.view(), now);
    upstream.on_rtp(late, now);
    fail_unless_equals_int(sender.packets.size(), 23);
    fail_unless_equals_int(sender.packets[22].second->sequence,
                           sender.packets[21].second->sequence - 1);
    // Keyframes are asked for once in a second, until one comes.
    for (int i = 0; i < 100; ++i) {
        upstream.request_keyframe(SourceKind::camera, 0);
        send(false);
    }
    fail_unless(sender.losses >= 3 && sender.losses <= 4, "%u", sender.losses);
    send(true);
    const unsigned before = sender.losses;
    for (int i = 0; i < 60; ++i)
        send(false);
    fail_unless_equals_int(sender.losses, before);
    // Another source begins another epoch.
    const uint32_t epoch = sender.packets.back().second->epoch;
    sequence = 9;
    for (int i = 0; i < 3; ++i)
        send(i == 1, 70);
    fail_unless(sender.packets.back().second->epoch > epoch);
}
GST_END_TEST

namespace {

/// A receiver whose network carries `capacity`, and delays what is more.
struct Network : Downstream::Handler {
    bool send_rtp(ByteView header, std::span<const ByteView> payload,
                  const MediaPacketPtr &) override {
        size_t size = header.size() + 44;
        for (const ByteView piece : payload)
            size += piece.size();
        free_at = std::max(free_at, now) + int64_t(double(size) * 8 / capacity * double(second));
        rtp::Packet packet;
        fail_unless(rtp::parse(header, packet).is_ok());
        rtp::ExtensionIds ids;
        ids.set(rtp::ExtensionKind::transport_sequence, 2);
        const auto sequence = rtp::parse_extensions(packet.extension, ids).transport_sequence;
        fail_unless(sequence.has_value());
        arriving.emplace_back(free_at + 20 * ms, *sequence);
        ++by_ssrc[packet.ssrc];
        bits += size * 8;
        return true;
    }
    void send_rtcp(ByteView) override {}
    void on_interest(const Target &target, bool is_wanted) override {
        if (is_wanted)
            wanted.insert(target.layer);
        else
            wanted.erase(target.layer);
    }
    void want_keyframe(const Target &target) override { keys.insert(target.layer); }
    MediaPacketPtr find(const Target &, uint32_t, int64_t number) override {
        const auto found = kept.find(number);
        return found == kept.end() ? nullptr : found->second;
    }
    std::vector<LayerFacts> layers_of(uint64_t) override {
        return {{true, 200'000, 320, 180}, {true, 800'000, 640, 360}, {true, 2'500'000, 1280, 720}};
    }
    double capacity = 100'000'000; ///< bit/s
    int64_t now = second, free_at = 0;
    std::deque<std::pair<int64_t, uint16_t>> arriving;
    std::map<uint32_t, unsigned> by_ssrc;
    std::set<uint8_t> wanted, keys;
    std::map<int64_t, MediaPacketPtr> kept;
    uint64_t bits = 0;
};

struct Receiver {
    Receiver()
        : down(
              slots_of(joined.policy, joined.answer), {}, network, [] { return 77u; }, second) {
        down.set_scene({{5, 1, SourceKind::camera, 0}}, 2);
    }
    /// Lets so much time pass, in which all layers are sent.
    void run(int64_t time) {
        for (const int64_t end = network.now + time; network.now < end; network.now += 5 * ms) {
            for (uint8_t layer = 0; layer < 3; ++layer) {
                static constexpr std::array<double, 3> rates{200'000, 800'000, 2'500'000};
                credit[layer] += rates[layer] * 0.005;
                while (credit[layer] >= 8'000) {
                    credit[layer] -= 8'000;
                    send(layer);
                }
            }
            down.check(network.now, network.now);
            while (!network.arriving.empty() && network.arriving.front().first <= network.now) {
                log.received(network.arriving.front().second, network.arriving.front().first);
                network.arriving.pop_front();
            }
            rtp::rtcp::Compound compound;
            while (auto feedback = log.take_feedback(network.now))
                compound.packets.push_back(*feedback);
            if (!compound.packets.empty()) down.on_rtcp(compound, network.now, network.now);
        }
    }
    void send(uint8_t layer) {
        auto packet = std::make_shared<MediaPacket>();
        std::vector<uint8_t> payload(1'000, 1);
        const bool key = network.keys.erase(layer) > 0;
        payload[0] = 0x10;
        payload[1] = key ? 0x10 : 0x11;
        packet->payload = Bytes::adopt(std::move(payload));
        packet->glimpse = look_at(rtc::Codec::vp8, packet->payload);
        packet->layer = layer;
        packet->sequence = ++sequences[layer];
        packet->time = network.now;
        packet->timestamp = uint32_t(network.now / ms * 90);
        if (network.wanted.contains(layer)) {
            network.kept[packet->sequence] = packet;
            down.on_packet(5, packet, network.now);
        }
    }
    const Joined joined{section("1", "video", "recvonly", ""), " 1"};
    Network network;
    Downstream down;
    rtp::ArrivalLog log;
    std::array<double, 3> credit{};
    std::array<int64_t, 3> sequences{0, 100'000, 200'000};
};

} // namespace

GST_START_TEST(test_downstream_follows_the_network) {
    Receiver receiver;
    // A wide one: the large layer, which needs more than is thought at first, so that it is tried.
    receiver.run(20 * second);
    fail_unless(receiver.network.wanted == (std::set<uint8_t>{2}));
    fail_unless(receiver.down.stats().probes > 0);
    // It becomes narrow: the small one, after a while, and what is sent fits.
    receiver.network.capacity = 500'000;
    receiver.run(15 * second);
    fail_unless(receiver.network.wanted == (std::set<uint8_t>{0}));
    const uint64_t before = receiver.network.bits;
    receiver.run(10 * second);
    fail_unless(receiver.network.bits - before < 10 * 500'000, "%u bit/s",
                unsigned((receiver.network.bits - before) / 10));
    fail_unless(receiver.network.bits - before > 10 * 150'000);
    // Hidden, nothing is sent.
    receiver.down.set_view({{{"1", {0, 0}}}, {}}, {});
    receiver.run(second);
    const uint64_t hidden = receiver.network.bits;
    receiver.run(second);
    fail_unless(receiver.network.bits == hidden && receiver.network.wanted.empty());
}
GST_END_TEST

GST_START_TEST(test_repeated_once_in_a_round_trip) {
    Receiver receiver;
    receiver.run(2 * second);
    const auto slot = slots_of(receiver.joined.policy, receiver.joined.answer)[0];
    rtp::rtcp::Compound compound;
    rtp::rtcp::Nack nack{1, slot.ssrc, {}};
    std::vector<uint16_t> asked;
    for (uint16_t i = 0; i < 20; ++i)
        asked.push_back(uint16_t(1'024 + 77 + 2 + i)); // it begins with random() = 77
    nack.set(asked);
    for (int i = 0; i < 50; ++i)
        compound.packets.push_back(nack);
    receiver.down.on_rtcp(compound, receiver.network.now, receiver.network.now);
    fail_unless_equals_int(receiver.down.stats().repeated, 20);
    fail_unless(receiver.network.by_ssrc[slot.rtx_ssrc] >= 20);
}
GST_END_TEST

GST_START_TEST(test_asked_for_too_much) {
    Receiver receiver;
    receiver.run(2 * second);
    const auto slot = slots_of(receiver.joined.policy, receiver.joined.answer)[0];
    // Of numbers that were never sent, more than are looked at in a second.
    rtp::rtcp::Compound compound;
    rtp::rtcp::Nack strange{1, slot.ssrc, {}}, good{1, slot.ssrc, {}};
    std::vector<uint16_t> numbers;
    for (uint16_t i = 0; i < 5'000; ++i)
        numbers.push_back(uint16_t(30'000 + i));
    strange.set(numbers);
    good.set(std::vector<uint16_t>{1'024 + 77 + 2});
    compound.packets = {strange, strange, good}; // a NACK holds fewer than that
    receiver.down.on_rtcp(compound, receiver.network.now, receiver.network.now);
    fail_unless_equals_int(receiver.down.stats().repeated, 0);
    compound.packets = {good};
    const int64_t later = receiver.network.now + second;
    receiver.down.on_rtcp(compound, later, later);
    fail_unless_equals_int(receiver.down.stats().repeated, 1);
}
GST_END_TEST

static Suite *room_streams_suite() {
    Suite *s = suite_create("room_streams");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_policy);
    tcase_add_test(tc, test_upstream);
    tcase_add_test(tc, test_downstream_follows_the_network);
    tcase_add_test(tc, test_repeated_once_in_a_round_trip);
    tcase_add_test(tc, test_asked_for_too_much);
    return s;
}
GST_CHECK_MAIN(room_streams)
