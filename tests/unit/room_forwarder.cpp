// SPDX-License-Identifier: LGPL-2.1-or-later
// One slot's stream: what passes, and that its numbers go on across switches, losses and padding.
#include "core/rtc/room/forwarder.h"

#include "core/bytes/writer.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::rtc::room;

namespace {

constexpr int64_t frame_ns = 33'333'333;

struct Source {
    explicit Source(uint8_t of_layer = 0, int64_t first = 500, uint32_t timestamp = 70'000,
                    uint16_t first_picture = 40, int64_t at = 0)
        : layer(of_layer), sequence(first), ticks(timestamp), picture(first_picture), time(at) {}
    std::shared_ptr<MediaPacket> make(bool key, bool is_padding = false) {
        auto out = std::make_shared<MediaPacket>();
        if (!is_padding) {
            Writer payload;
            payload.u8(0x90).u8(0xC0).u16(0x8000u | picture).u8(tl0);
            payload.u8(key ? 0x10 : 0x11).u8(0).u8(0).u24(0x9D012A).u32(0x01000200);
            picture = (picture + 1) & 0x7FFF;
            ++tl0;
            out->payload = Bytes::adopt(payload.take());
            out->glimpse = look_at(rtc::Codec::vp8, out->payload);
            ticks += 3'000;
            time += frame_ns;
        }
        out->sequence = sequence++;
        out->timestamp = ticks;
        out->epoch = epoch;
        out->layer = layer;
        out->time = time;
        return out;
    }
    uint8_t layer;
    int64_t sequence;
    uint32_t ticks;
    uint16_t picture;
    int64_t time;
    uint8_t tl0 = 9;
    uint32_t epoch = 0;
};

Forwarder video() {
    return Forwarder(90'000, 2'000, 1'000'000, true);
}

} // namespace

GST_START_TEST(test_begins_with_a_keyframe) {
    Forwarder forwarder = video();
    Source source;
    fail_unless(!forwarder.take(7, *source.make(true))); // nothing is wanted
    forwarder.aim(Target{7, 0});
    fail_unless(forwarder.wants_keyframe());
    fail_unless(!forwarder.take(7, *source.make(false)));
    fail_unless(!forwarder.take(8, *source.make(true))); // another track
    const auto begun = forwarder.take(7, *source.make(true));
    fail_unless(begun && !forwarder.wants_keyframe());
    fail_unless_equals_int(begun->sequence, 2'000);
    fail_unless_equals_int(begun->timestamp, 1'000'000);
    const auto following = forwarder.take(7, *source.make(false));
    fail_unless_equals_int(following->sequence, 2'001);
    fail_unless_equals_int(following->timestamp, 1'003'000);
    fail_unless_equals_int(following->picture, begun->picture + 1);
    fail_unless_equals_int(following->tl0, uint8_t(begun->tl0 + 1));
}
GST_END_TEST

GST_START_TEST(test_layer_switch) {
    Forwarder forwarder = video();
    Source low(0), high(1, 40'000, 5, 30'000);
    forwarder.aim(Target{7, 0});
    forwarder.take(7, *low.make(true));
    auto before = forwarder.take(7, *low.make(false));
    forwarder.aim(Target{7, 1});
    // The old layer goes on until the new one can begin.
    fail_unless(forwarder.wants_keyframe());
    fail_unless(!forwarder.take(7, *high.make(false)));
    before = forwarder.take(7, *low.make(false));
    fail_unless(before.has_value());
    high.time = low.time;
    const auto key = high.make(true);
    const auto after = forwarder.take(7, *key);
    fail_unless(after && forwarder.current() == (Target{7, 1}));
    fail_unless_equals_int(after->sequence, uint16_t(before->sequence + 1));
    fail_unless_equals_int(after->timestamp - before->timestamp, 3'000 - 1); // a frame later
    fail_unless_equals_int(after->picture, before->picture + 1);
    fail_unless_equals_int(after->tl0, uint8_t(before->tl0 + 1));
    fail_unless(!forwarder.take(7, *low.make(true)));
    // Its pieces have the new numbers, and the rest as it was.
    std::array<uint8_t, 8> storage;
    std::array<ByteView, 2> pieces;
    fail_unless_equals_int(pieces_of(*key, *after, storage, pieces), 2);
    fail_unless_equals_int(pieces[0].size() + pieces[1].size(), key->payload.size());
    const Glimpse seen = look_at(rtc::Codec::vp8, [&] {
        static std::vector<uint8_t> all;
        all.assign(pieces[0].begin(), pieces[0].end());
        all.insert(all.end(), pieces[1].begin(), pieces[1].end());
        return ByteView(all);
    }());
    fail_unless(seen.begins_keyframe);
    fail_unless_equals_int(seen.vp8.picture, after->picture);
    fail_unless_equals_int(seen.vp8.tl0, after->tl0);
}
GST_END_TEST

GST_START_TEST(test_other_track_silences_at_once) {
    Forwarder forwarder = video();
    Source ann, bob(0, 9, 9, 9);
    forwarder.aim(Target{1, 0});
    const auto last = forwarder.take(1, *ann.make(true));
    forwarder.aim(Target{2, 0});
    fail_unless(!forwarder.take(1, *ann.make(false)));
    bob.time = ann.time + 2'000'000'000;
    const auto next = forwarder.take(2, *bob.make(true));
    fail_unless_equals_int(next->sequence, uint16_t(last->sequence + 1));
    // Two seconds have passed, and two frames.
    fail_unless(std::abs(int(next->timestamp - last->timestamp) - 186'000) <= 1);
}
GST_END_TEST

GST_START_TEST(test_late_and_missing) {
    Forwarder forwarder = video();
    Source source;
    forwarder.aim(Target{7, 0});
    const auto begun = forwarder.take(7, *source.make(true));
    const auto late = source.make(false);
    const auto third = forwarder.take(7, *source.make(false));
    fail_unless_equals_int(third->sequence, uint16_t(begun->sequence + 2));
    fail_unless_equals_int(forwarder.take(7, *late)->sequence, uint16_t(begun->sequence + 1));
    fail_unless_equals_int(forwarder.take(7, *source.make(false))->sequence,
                           uint16_t(begun->sequence + 3));
    // One from before the switch is of no use.
    Source before(0, 400);
    fail_unless(!forwarder.take(7, *before.make(true)));
    // What was sent is found by its number.
    const auto found = forwarder.find(uint16_t(begun->sequence + 1));
    fail_unless(found && found->number == late->sequence && found->target == (Target{7, 0}));
    fail_unless_equals_int(found->offsets.apply(*late).timestamp, begun->timestamp + 3'000);
    fail_unless(!forwarder.find(uint16_t(begun->sequence + 4)));
    fail_unless(!forwarder.find(uint16_t(begun->sequence - 1)));
}
GST_END_TEST

GST_START_TEST(test_padding) {
    Forwarder forwarder = video();
    Source source;
    forwarder.aim(Target{7, 0});
    const auto begun = forwarder.take(7, *source.make(true));
    for (int i = 0; i < 100; ++i) {
        fail_unless(!forwarder.take(7, *source.make(false, true)));
        const auto next = forwarder.take(7, *source.make(false));
        fail_unless_equals_int(next->sequence, uint16_t(begun->sequence + 1 + i));
        fail_unless_equals_int(next->picture, begun->picture + 1 + i);
    }
    // Behind a gap it can't be closed up: what is missing may come.
    const auto missing = source.make(false);
    const auto padding = source.make(false, true);
    fail_unless(forwarder.take(7, *padding).has_value());
    fail_unless_equals_int(forwarder.take(7, *missing)->sequence, uint16_t(begun->sequence + 101));
}
GST_END_TEST

GST_START_TEST(test_loss_here_and_new_source) {
    Forwarder forwarder = video();
    Source source;
    forwarder.aim(Target{7, 0});
    const auto begun = forwarder.take(7, *source.make(true));
    forwarder.lose();
    fail_unless(forwarder.wants_keyframe());
    for (int i = 0; i < 5; ++i)
        fail_unless(!forwarder.take(7, *source.make(false)));
    const auto again = forwarder.take(7, *source.make(true));
    fail_unless_equals_int(again->sequence, uint16_t(begun->sequence + 1)); // no gap
    // The sender's encoder starts anew, with other numbers.
    Source fresh(0, 3, 12);
    fresh.epoch = 1;
    fail_unless(!forwarder.take(7, *fresh.make(false)));
    fail_unless(forwarder.wants_keyframe());
    fail_unless_equals_int(forwarder.take(7, *fresh.make(true))->sequence,
                           uint16_t(again->sequence + 1));
}
GST_END_TEST

GST_START_TEST(test_audio) {
    Forwarder forwarder(48'000, 1, 5, false);
    MediaPacket packet;
    packet.payload = Bytes::copy_of(std::string_view("x"));
    packet.sequence = 70;
    packet.time = 1'000'000'000;
    forwarder.aim(Target{1, 0});
    fail_unless(!forwarder.wants_keyframe());
    fail_unless_equals_int(forwarder.take(1, packet)->sequence, 1);
    forwarder.lose(); // no reason to wait
    packet.sequence = 72;
    packet.timestamp = 1'920;
    packet.time += 40'000'000;
    const auto next = forwarder.take(1, packet);
    fail_unless_equals_int(next->sequence, 3);
    fail_unless_equals_int(next->timestamp, 5 + 1'920);
    fail_unless_equals_int(*forwarder.timestamp_at(packet.time + 1'000'000'000),
                           5 + 1'920 + 48'000);
}
GST_END_TEST

GST_START_TEST(test_many_paddings_in_a_row) {
    Forwarder forwarder = video();
    Source source;
    forwarder.aim(Target{7, 0});
    const auto begun = forwarder.take(7, *source.make(true));
    const auto late = source.make(false);
    const auto newest = forwarder.take(7, *source.make(false));
    for (int i = 0; i < 100; ++i)
        fail_unless(!forwarder.take(7, *source.make(false, true)));
    const auto next = forwarder.take(7, *source.make(false));
    fail_unless_equals_int(next->sequence, uint16_t(newest->sequence + 1));
    // What was before them is still known: it can be asked for, and comes late in its place.
    fail_unless(forwarder.find(begun->sequence).has_value());
    const auto in_place = forwarder.take(7, *late);
    fail_unless(in_place && in_place->sequence == uint16_t(begun->sequence + 1));
}
GST_END_TEST

GST_START_TEST(test_wide_gaps) {
    // Sound goes on at once behind a gap that is closed.
    Forwarder sound(48'000, 1, 5, false);
    MediaPacket packet;
    packet.payload = Bytes::copy_of(std::string_view("x"));
    packet.sequence = 70;
    sound.aim(Target{1, 0});
    uint16_t last = sound.take(1, packet)->sequence;
    const auto skip = [&](int64_t by) {
        packet.sequence += by + 1;
        packet.time += 20'000'000;
        const auto out = sound.take(1, packet);
        fail_unless(out.has_value());
        return uint16_t(out->sequence - std::exchange(last, out->sequence) - 1);
    };
    fail_unless_equals_int(skip(Forwarder::most_skipped), Forwarder::most_skipped);
    fail_unless_equals_int(skip(2'999), 0);
    // Gaps that are each allowed do not add up to what a receiver would lose count by.
    for (int i = 0; i < 400; ++i)
        fail_unless_equals_int(skip(0), 0);
    unsigned skipped = 0;
    for (int i = 0; i < 10'000; ++i)
        skipped += skip(300);
    fail_unless(skipped <= 10'000 + Forwarder::most_skipped, "%u", skipped);
    // Every second packet is lost: nothing is closed.
    for (int i = 0; i < 10'000; ++i)
        fail_unless_equals_int(skip(1), 1);

    // A picture needs a keyframe behind it, as what it is made of is missing.
    Forwarder pictures = video();
    Source source;
    pictures.aim(Target{7, 0});
    const auto begun = pictures.take(7, *source.make(true));
    const auto missing = source.make(true);
    source.sequence += Forwarder::most_skipped;
    fail_unless(!pictures.take(7, *source.make(false)));
    fail_unless(pictures.wants_keyframe());
    const auto again = pictures.take(7, *source.make(true));
    fail_unless_equals_int(again->sequence, uint16_t(begun->sequence + 1));
    fail_unless(!pictures.take(7, *missing)); // its place is gone
}
GST_END_TEST

GST_START_TEST(test_glimpse) {
    const auto avc = [](std::vector<uint8_t> bytes) { return look_at(rtc::Codec::avc, bytes); };
    fail_unless(avc({0x67, 0x42, 0xC0, 0x1F}).begins_keyframe);           // an SPS
    fail_unless(avc({24, 0, 2, 0x67, 0x42, 0, 1, 0x68}).begins_keyframe); // with a PPS
    fail_unless(!avc({0x65, 1}).begins_keyframe); // a picture that says nothing of its form
    fail_unless(!avc({28, 0x85, 1}).begins_keyframe);
    fail_unless(!avc({}).begins_keyframe && !avc({24}).begins_keyframe);
    const auto vp8 = [](std::vector<uint8_t> bytes) { return look_at(rtc::Codec::vp8, bytes); };
    const Glimpse key = vp8({0x10, 0x10, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1});
    fail_unless(key.begins_keyframe && key.width == 640 && key.height == 360);
    fail_unless(!vp8({0x10, 0x11, 0, 0}).begins_keyframe);
    fail_unless(!vp8({0x00, 0x10, 0, 0}).begins_keyframe); // not the frame's first packet
    fail_unless_equals_int(vp8({0x90, 0x80, 0x7F, 0x11}).vp8.picture, 0x7F);
    fail_unless(!vp8({0x90, 0x80, 0x7F, 0x11}).vp8.is_long);
    // With the longest descriptor, and cut short: in it, and behind it.
    const std::vector<uint8_t> whole{0x90, 0xF0, 0x81, 2,    3, 0x20, 0x10, 0,
                                     0,    0x9D, 1,    0x2A, 8, 0,    6,    0};
    for (size_t size = 0; size <= whole.size(); ++size) {
        const Glimpse glimpse = vp8({whole.begin(), whole.begin() + ptrdiff_t(size)});
        fail_unless_equals_int(glimpse.vp8.size, size > 6 ? 6 : 0);
        fail_unless_equals_int(glimpse.vp8.picture, size > 6 ? 0x102 : 0);
        fail_unless_equals_int(glimpse.begins_keyframe, size > 6);
        fail_unless_equals_int(glimpse.width, size == whole.size() ? 8 : 0);
    }
}
GST_END_TEST

static Suite *room_forwarder_suite() {
    Suite *s = suite_create("room_forwarder");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_begins_with_a_keyframe);
    tcase_add_test(tc, test_layer_switch);
    tcase_add_test(tc, test_other_track_silences_at_once);
    tcase_add_test(tc, test_late_and_missing);
    tcase_add_test(tc, test_padding);
    tcase_add_test(tc, test_loss_here_and_new_source);
    tcase_add_test(tc, test_audio);
    tcase_add_test(tc, test_many_paddings_in_a_row);
    tcase_add_test(tc, test_wide_gaps);
    tcase_add_test(tc, test_glimpse);
    return s;
}
GST_CHECK_MAIN(room_forwarder)
