// SPDX-License-Identifier: LGPL-2.1-or-later
// The ring: where viewers join, what a lagging one gets, the effects of a new producer and a new
// configuration, and the memory used.
#include "unit/fanout_rig.hpp"

#include "check.hpp"

using namespace fanout_test;

namespace {

void expect(const std::string &got, const std::string &wanted) {
    fail_unless_equals_string(got.c_str(), wanted.c_str());
}

} // namespace

GST_START_TEST(test_join_with_headers_at_newest_keyframe) {
    Producer p;
    Viewer early;
    expect(early.read(p.ring), "");
    fail_if(early.cursor.next.has_value());
    p.push("MVA");
    expect(early.read(p.ring), "");
    p.push("Kdd");
    expect(early.read(p.ring), "M0 V0 A0 K0 d40 d80");
    p.push("Kd");
    expect(early.read(p.ring), "K120 d160");
    Viewer late;
    expect(late.read(p.ring), "M0 V120 A0 K120 d160");
    fail_if(late.more);
    expect(late.read(p.ring), "");
    p.push("a");
    expect(late.read(p.ring), "a200");
    expect(early.read(p.ring), "a200");
    fail_unless_equals_uint64(early.cursor.skipped + late.cursor.skipped, 0);
}
GST_END_TEST

// Several cached GOPs serve lagging viewers; a viewer that joins begins with the newest.
GST_START_TEST(test_join_ignores_older_gops) {
    Producer p({.gops = 3});
    p.push("VKddKdd");
    Viewer v;
    expect(v.read(p.ring), "V120 K120 d160 d200");
}
GST_END_TEST

GST_START_TEST(test_read_in_portions) {
    Producer p;
    p.push("VKdddd");
    Viewer v;
    expect(v.read(p.ring, 2), "V0 K0 d40");
    fail_unless(v.more);
    expect(v.read(p.ring, 2), "d80 d120");
    fail_unless(v.more);
    expect(v.read(p.ring, 2), "d160");
    fail_if(v.more);
}
GST_END_TEST

GST_START_TEST(test_one_packet_for_all) {
    Producer p;
    p.push("VKd");
    Viewer one, other;
    const auto ours = one.packets(p.ring), theirs = other.packets(p.ring);
    fail_unless_equals_int(ours.size(), 3);
    fail_unless(ours == theirs);
}
GST_END_TEST

GST_START_TEST(test_fallen_out_goes_on_at_newest_keyframe) {
    Producer p({.gops = 2});
    p.push("VKd");
    Viewer slow, fast;
    expect(slow.read(p.ring), "V0 K0 d40");
    expect(fast.read(p.ring), "V0 K0 d40");
    p.push("dd");
    expect(fast.read(p.ring), "d80 d120");
    p.push("KdKd");
    // The viewer lagged behind both GOPs that are held; the configuration comes again, with the
    // keyframe's time.
    expect(slow.read(p.ring), "V240 K240 d280");
    fail_unless_equals_uint64(slow.cursor.skipped, 1);
    expect(fast.read(p.ring), "K160 d200 K240 d280");
    fail_unless_equals_uint64(fast.cursor.skipped, 0);
    p.push("d");
    expect(slow.read(p.ring), "d320");
    fail_unless_equals_uint64(slow.cursor.skipped, 1);
}
GST_END_TEST

// A viewer that lags less than the bound loses nothing when a new GOP begins.
GST_START_TEST(test_small_lag_is_no_skip) {
    Producer p({.keep = 100'000'000});
    p.push("VKdd");
    Viewer v;
    expect(v.read(p.ring, 2), "V0 K0 d40");
    p.push("K");
    expect(v.read(p.ring), "d80 K120");
    fail_unless_equals_uint64(v.cursor.skipped, 0);
}
GST_END_TEST

// A GOP over the bound has no join position: the viewer waits for the next keyframe.
GST_START_TEST(test_fallen_out_of_an_endless_gop) {
    Producer p({.items = 5});
    p.push("VKdd");
    Viewer slow;
    expect(slow.read(p.ring), "V0 K0 d40 d80");
    p.push("dddddddd");
    expect(slow.read(p.ring), "");
    fail_unless_equals_uint64(slow.cursor.skipped, 0);
    p.push("K");
    expect(slow.read(p.ring), "V440 K440");
    fail_unless_equals_uint64(slow.cursor.skipped, 1);
}
GST_END_TEST

GST_START_TEST(test_memory_is_bounded) {
    Producer p({.gops = 4, .bytes = 100'000, .items = 300, .duration = 5'000'000'000});
    p.push("V");
    Viewer stuck, good;
    std::vector<std::weak_ptr<const fanout::Packet>> all;
    for (int i = 0; i < 5000; ++i) {
        p.push(i % 500 == 0 ? "K" : "d");
        for (const auto &packet : good.packets(p.ring))
            all.push_back(packet);
        if (i == 0) expect(stuck.read(p.ring), "V0 K0");
    }
    fail_unless(all.size() >= 5000);
    const auto alive =
        std::count_if(all.begin(), all.end(), [](const auto &packet) { return !packet.expired(); });
    fail_unless(alive > 0 && alive <= 301, "%ld packets are held", long(alive));
    fail_unless_equals_uint64(p.ring.packets(), 5001);
    p.push("K");
    stuck.read(p.ring);
    fail_unless_equals_uint64(stuck.cursor.skipped, 1);
}
GST_END_TEST

// An end alone changes nothing. The next producer begins with its first keyframe, for present and
// new viewers, at a later time than all before.
GST_START_TEST(test_stream_end_and_next_producer) {
    Producer p;
    p.push("VKd");
    Viewer v;
    expect(v.read(p.ring), "V0 K0 d40");
    expect(v.read(p.ring), "");
    p.push("d"); // not read in time
    p.now += 5000;
    p.feed.restart({});
    expect(v.read(p.ring), "");
    Viewer late;
    expect(late.read(p.ring), "");
    p.ms = 0;
    p.push("Vd"); // begins inside a GOP
    expect(v.read(p.ring), "");
    p.push("Kd");
    expect(v.read(p.ring), "V160 K160 d200");
    expect(late.read(p.ring), "V160 K160 d200");
    fail_unless_equals_uint64(v.cursor.skipped, 0);
}
GST_END_TEST

// The old producer's configuration is not used for the new one.
GST_START_TEST(test_next_producer_has_its_own_headers) {
    Producer p;
    p.push("MVAKa");
    p.feed.restart({});
    p.push("A");
    p.push("a");
    Viewer v;
    const std::string got = v.read(p.ring);
    fail_unless(got.find('V') == got.npos && got.find('M') == got.npos, "%s", got.c_str());
    fail_unless_equals_int(std::count(got.begin(), got.end(), 'A'), 1);
}
GST_END_TEST

GST_START_TEST(test_configuration_change) {
    const std::vector<uint8_t> other = [] {
        std::vector<uint8_t> set = samples::sps;
        set[3] = 0x0d; // level 1.3
        return set;
    }();
    Producer p;
    p.push("VKd");
    Viewer v;
    expect(v.read(p.ring), "V0 K0 d40");
    p.push("V"); // the same again: nobody is told
    expect(v.read(p.ring), "");
    p.append(samples::video_config(p.ms, other));
    expect(v.read(p.ring), "V40");
    // Earlier frames don't match the new configuration: viewers join at the next keyframe.
    Viewer late;
    expect(late.read(p.ring), "");
    p.push("Kd");
    expect(v.read(p.ring), "K80 d120");
    Viewer next;
    const auto packets = next.packets(p.ring);
    expect(text(packets), "V80 K80 d120");
    fail_unless(std::ranges::equal(packets[0]->payload, samples::video_config(80, other).bytes));
}
GST_END_TEST

GST_START_TEST(test_audio_only_then_video) {
    Producer p({.keep = 1'000'000'000});
    p.push("Aa");
    Viewer v;
    expect(v.read(p.ring), "A0 a0");
    p.ms = 20;
    p.push("a");
    expect(v.read(p.ring), "a20");
    Viewer late;
    expect(late.read(p.ring), "A20 a20"); // any audio frame will do
    p.push("d");                          // from here on only a keyframe will
    Viewer third;
    expect(third.read(p.ring), "");
    p.push("VaK");
    expect(third.read(p.ring), "V60 A60 K60");
    expect(v.read(p.ring), "d20 V20 a60 K60");
}
GST_END_TEST

// Tags that no player needs are not sent: end of sequence, script data other than metadata.
GST_START_TEST(test_other_tags_are_left_out) {
    Producer p;
    p.push("VK");
    const uint8_t end[] = {0x17, 2, 0, 0, 0};
    p.append(flv::make_tag(flv::TagType::video, p.ms, end));
    Viewer v;
    expect(v.read(p.ring), "V0 K0");
}
GST_END_TEST

// Metadata and configuration often have the timestamp 0, whenever they come.
GST_START_TEST(test_headers_do_not_move_the_timeline) {
    Producer p;
    p.push("VKdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd");
    Viewer v;
    v.read(p.ring);
    const uint32_t last = p.ms - 40;
    p.append(samples::metadata(640));
    expect(v.read(p.ring), "M0"); // always: see the ring
    p.append(samples::audio_config(0));
    expect(v.read(p.ring), "A0");
    p.push("d");
    expect(v.read(p.ring), "d" + std::to_string(last + 40));
}
GST_END_TEST

// The next publisher's timestamps begin seconds ahead, or behind: for viewers time continues
// steadily.
GST_START_TEST(test_discontinuity) {
    for (const int64_t jump : {5000, -500}) {
        Producer p;
        p.ms = 20'000;
        p.push("VKdd");
        Viewer v;
        v.read(p.ring);
        const uint32_t last = 80;
        p.feed.discontinuity();
        p.ms = uint32_t(p.ms + jump);
        p.push("K");
        const std::string got = v.read(p.ring);
        fail_unless(got[0] == 'K', "%s", got.c_str());
        const long at = std::stol(got.substr(1));
        fail_unless(at > last && at < last + 1000, "at %ld ms", at);
    }
}
GST_END_TEST

// A viewer that is admitted to one producer gets nothing of the next.
GST_START_TEST(test_one_producer_only) {
    Producer p;
    p.push("VK");
    const uint64_t epoch = p.ring.epoch();
    fanout::Cursor cursor;
    std::vector<fanout::PacketPtr> first;
    fail_unless(p.ring.settle(cursor, {}, {}, first, epoch) == fanout::Ring::Place::behind);
    p.feed.restart({});
    p.push("VK");
    first.clear();
    fail_unless(p.ring.settle(cursor, {}, {}, first, epoch) == fanout::Ring::Place::waiting);
    fail_unless(first.empty());
    fail_unless(p.ring.settle(cursor, {}, {}, first, p.ring.epoch()) ==
                fanout::Ring::Place::behind);
}
GST_END_TEST

static Suite *fanout_ring_suite() {
    Suite *s = suite_create("fanout_ring");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_join_with_headers_at_newest_keyframe);
    tcase_add_test(tc, test_join_ignores_older_gops);
    tcase_add_test(tc, test_read_in_portions);
    tcase_add_test(tc, test_one_packet_for_all);
    tcase_add_test(tc, test_fallen_out_goes_on_at_newest_keyframe);
    tcase_add_test(tc, test_small_lag_is_no_skip);
    tcase_add_test(tc, test_fallen_out_of_an_endless_gop);
    tcase_add_test(tc, test_memory_is_bounded);
    tcase_add_test(tc, test_stream_end_and_next_producer);
    tcase_add_test(tc, test_next_producer_has_its_own_headers);
    tcase_add_test(tc, test_configuration_change);
    tcase_add_test(tc, test_audio_only_then_video);
    tcase_add_test(tc, test_other_tags_are_left_out);
    tcase_add_test(tc, test_headers_do_not_move_the_timeline);
    tcase_add_test(tc, test_discontinuity);
    tcase_add_test(tc, test_one_producer_only);
    return s;
}
GST_CHECK_MAIN(fanout_ring)
