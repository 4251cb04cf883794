// SPDX-License-Identifier: LGPL-2.1-or-later
// How viewers join: with the cached GOP, with the folded GOP, at the next keyframe, or at once.
#include "unit/fanout_rig.hpp"

#include "check.hpp"

#include <algorithm>

using namespace fanout_test;
using fanout::Join;

namespace {

void expect(const std::string &got, const std::string &wanted) {
    fail_unless_equals_string(got.c_str(), wanted.c_str());
}

Viewer viewer(Join join) {
    Viewer viewer;
    viewer.join = join;
    return viewer;
}

struct Picture {
    uint32_t decoded = 0;
    int64_t shown = 0;
    uint8_t mark = 0; ///< which picture it is
};

/// The frames among these packets, with their times on the wire.
std::vector<Picture> pictures(const std::vector<fanout::PacketPtr> &packets) {
    std::vector<Picture> out;
    for (const auto &packet : packets) {
        if (packet->payload[0] != uint8_t(flv::TagType::video)) continue;
        const Bytes body = packet->payload.sub(flv::header_size);
        if (body[1] != 1) continue; // AVC NALUs
        const auto header = flv::parse_body(flv::TagType::video, body);
        const uint32_t time = wire_time(*packet);
        out.push_back({time, int64_t(time) + header->composition_time, body[header->payload]});
    }
    return out;
}

/// A GOP in decoding order, each frame with its position in display order.
void push_reordered(Producer &p, const std::vector<int> &places, uint32_t first_ms) {
    for (size_t i = 0; i < places.size(); ++i) {
        const uint32_t decoded = first_ms + uint32_t(i) * 40;
        const int composition = places[i] * 40 + 80 - int(i) * 40;
        const uint8_t body[] = {
            uint8_t(i == 0 ? 0x17 : 0x27), 1, 0, 0, uint8_t(composition), uint8_t(places[i])};
        fail_unless(composition >= 0 && composition < 256);
        p.append(flv::make_tag(flv::TagType::video, decoded, body));
    }
}

} // namespace

GST_START_TEST(test_burst_begins_with_the_keyframe) {
    Producer p;
    p.push("VAKdad");
    Viewer v = viewer(Join::burst);
    expect(v.read(p.ring), "V0 A0 K0 d40 a80 d80");
    p.push("d");
    expect(v.read(p.ring), "d120");
}
GST_END_TEST

GST_START_TEST(test_keyframe_waits) {
    Producer p;
    p.push("VKdd");
    Viewer v = viewer(Join::keyframe), later = viewer(Join::keyframe);
    expect(v.read(p.ring), "");
    p.push("d");
    expect(v.read(p.ring), "");
    p.push("Kd");
    expect(v.read(p.ring), "V160 K160 d200");
    expect(later.read(p.ring), "");
}
GST_END_TEST

GST_START_TEST(test_live_begins_anywhere) {
    Producer p;
    Viewer early = viewer(Join::live);
    expect(early.read(p.ring), "");
    p.push("VKdd");
    Viewer v = viewer(Join::live);
    expect(v.read(p.ring), "V0");
    p.push("ad");
    expect(v.read(p.ring), "a120 d120");
}
GST_END_TEST

// The folded frames precede the live edge, without past audio; then everything comes unchanged.
GST_START_TEST(test_fast_forward) {
    Producer p;
    p.push("VAKadadad");
    Viewer v = viewer(Join::fast_forward);
    expect(v.read(p.ring), "V0 A0 K117 d118 d119 d120");
    p.push("ad");
    expect(v.read(p.ring), "a160 d160");
    // Viewers that join at the same time share the same packets.
    Viewer one = viewer(Join::fast_forward), other = viewer(Join::fast_forward);
    const auto ours = one.packets(p.ring), theirs = other.packets(p.ring);
    fail_unless(ours == theirs);
    expect(text(ours), "V0 A0 K156 d157 d158 d159 d160");
}
GST_END_TEST

// A stream that has just begun has no room before the live edge.
GST_START_TEST(test_fast_forward_without_room) {
    Producer p;
    p.push("VK");
    expect(viewer(Join::fast_forward).read(p.ring), "V0 K0");
}
GST_END_TEST

// With B-frames every frame is displayed after it is decoded, in the same order as before; this
// includes frames that are still to come.
GST_START_TEST(test_fast_forward_keeps_the_order_of_pictures) {
    const std::vector<int> places{0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11, 16, 14, 13, 15};
    for (size_t cached = 1; cached < places.size(); ++cached) {
        Producer p;
        p.push("VK");
        push_reordered(p, std::vector<int>(places.begin(), places.begin() + long(cached)), 1000);
        Viewer v = viewer(Join::fast_forward);
        auto all = pictures(v.packets(p.ring));
        fail_unless_equals_int(all.size(), cached);
        for (size_t i = 1; i < all.size(); ++i)
            fail_unless_equals_int(all[i].decoded, all[i - 1].decoded + 1);
        fail_unless(all.back().decoded <= 1000 + (cached - 1) * 40);
        for (size_t i = cached; i < places.size(); ++i) { // goes on as it is
            const uint8_t body[] = {
                0x27, 1, 0, 0, uint8_t(places[i] * 40 + 80 - int(i) * 40), uint8_t(places[i])};
            p.append(flv::make_tag(flv::TagType::video, 1000 + uint32_t(i) * 40, body));
        }
        for (const Picture &picture : pictures(v.packets(p.ring)))
            all.push_back(picture);
        fail_unless_equals_int(all.size(), places.size());
        for (const Picture &picture : all)
            fail_unless(picture.shown >= picture.decoded, "shown %ld ms, decoded at %u ms",
                        long(picture.shown), picture.decoded);
        std::sort(all.begin(), all.end(),
                  [](const Picture &a, const Picture &b) { return a.shown < b.shown; });
        for (size_t i = 0; i < all.size(); ++i)
            fail_unless_equals_int(all[i].mark, i);
    }
}
GST_END_TEST

GST_START_TEST(test_fast_forward_of_an_endless_gop_is_a_burst) {
    Producer p;
    p.push("VK" + std::string(600, 'd'));
    const auto got = viewer(Join::fast_forward).packets(p.ring);
    fail_unless_equals_int(got.size(), 602);
    fail_unless_equals_int(wire_time(*got[1]), 0);
}
GST_END_TEST

static Suite *fanout_join_suite() {
    Suite *s = suite_create("fanout_join");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_burst_begins_with_the_keyframe);
    tcase_add_test(tc, test_keyframe_waits);
    tcase_add_test(tc, test_live_begins_anywhere);
    tcase_add_test(tc, test_fast_forward);
    tcase_add_test(tc, test_fast_forward_without_room);
    tcase_add_test(tc, test_fast_forward_keeps_the_order_of_pictures);
    tcase_add_test(tc, test_fast_forward_of_an_endless_gop_is_a_burst);
    return s;
}
GST_CHECK_MAIN(fanout_join)
