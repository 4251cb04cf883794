// SPDX-License-Identifier: LGPL-2.1-or-later
// Forms of Enhanced RTMP: tracks taken apart, simple forms, and what is kept for viewers that join.
#include "core/flv/enhanced.h"

#include "core/fanout/outlet.h"
#include "core/flv/normalizer.h"

#include "check.hpp"
#include "unit/fanout_rig.hpp"

#include <cstdlib>

using namespace fanout_test;
using namespace penstock::flv;
using samples::from_hex;

namespace {

Tag tag_of(TagType type, const char *hex, uint32_t ms = 0) {
    return make_tag(type, ms, from_hex(hex));
}
Tag video(const char *hex, uint32_t ms = 0) {
    return tag_of(TagType::video, hex, ms);
}
Tag audio(const char *hex, uint32_t ms = 0) {
    return tag_of(TagType::audio, hex, ms);
}

std::string hex_of(const Tag &tag) {
    std::string text;
    for (const uint8_t byte : tag.body_view()) {
        constexpr char digits[] = "0123456789abcdef";
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

void expect(const Tag &tag, std::string wanted) {
    std::erase(wanted, ' ');
    fail_unless_equals_string(hex_of(tag).c_str(), wanted.c_str());
}

void expect_simple(const Tag &before, const char *after) {
    Tag tag = before;
    const auto header = parse_body(tag.type, tag.body_view());
    fail_unless(header.has_value());
    const bool changes = std::string(after) != "";
    fail_unless_equals_int(simplify(tag, *header), changes);
    expect(tag, changes ? after : hex_of(before));
    fail_unless(tag.timestamp == before.timestamp && tag.kind == before.kind);
    fail_unless_equals_int(tag.bytes.size(), tag.body_view().size() + header_size + trailer_size);
}

std::vector<Tag> normalized(Normalizer &normalizer, const Tag &tag) {
    std::vector<Tag> out;
    fail_unless(normalizer.push(tag.bytes, out).is_ok());
    return out;
}

/// The bodies that a viewer with these features gets, joined by spaces.
std::string seen(fanout::Ring &ring, uint8_t takes) {
    Viewer viewer;
    std::string text;
    for (const auto &packet : viewer.packets(ring)) {
        const auto &form = fanout::form_for(packet, takes);
        if (form->size == 0) continue;
        text += text.empty() ? "" : " ";
        text += hex_of({TagType::video, TagKind::other, 0, form->payload});
    }
    return text;
}

} // namespace

GST_START_TEST(test_simple_forms) {
    // Legacy codecs: H.264, AAC, MP3.
    expect_simple(video("90 61766331 0164"), "1700000000 0164");
    expect_simple(video("91 61766331 ffffd8 aabb"), "1701ffffd8 aabb");
    expect_simple(video("a3 61766331 aabb"), "2701000000 aabb");
    expect_simple(audio("90 6d703461 1210"), "af00 1210");
    expect_simple(audio("91 6d703461 2110"), "af01 2110");
    expect_simple(audio("91 2e6d7033 fffb"), "2f fffb");
    // HEVC and AV1 in their legacy forms become extended.
    expect_simple(video("1c00000000 0101"), "90 68766331 0101");
    expect_simple(video("1c01000028 aabb"), "91 68766331 000028 aabb");
    expect_simple(video("2d01000000 1200"), "a1 61763031 1200");
    expect_simple(video("1d00000000 8100"), "90 61763031 8100");
    // CodedFramesX becomes CodedFrames for codecs without a composition time.
    expect_simple(video("93 61763031 1200"), "91 61763031 1200");
    expect_simple(video("a3 76703038 1200"), "a1 76703038 1200");
    // Colour information becomes a command frame, whatever its frame type was.
    expect_simple(video("84 68766331 0200"), "d4 68766331 0200");
    expect_simple(video("94 68766331 0200"), "d4 68766331 0200");
    // These are simple already, or have no simpler form.
    for (const char *same : {"1701000000 aa", "93 68766331 aa", "91 76703039 aa", "12aa",
                             "d4 68766331 0200", "97 02 00 03 e8 01 61766331 000000 aa",
                             "96 01 61766331 01 000000 aa", "95 61763031 80048100"})
        expect_simple(video(same), "");
    for (const char *same : {"af01 21", "91 4f707573 aa", "2f fffb", "90 4f707573"})
        expect_simple(audio(same), "");
}
GST_END_TEST

GST_START_TEST(test_tracks) {
    std::vector<Tag> out;
    // OneTrack: the default track and another one.
    fail_unless(split_tracks(video("96 01 61766331 00 000000 aa", 40), out));
    fail_unless(split_tracks(video("96 01 61766331 07 000000 aa", 40), out));
    // ManyTracks: one codec; ManyTracksManyCodecs.
    fail_unless(split_tracks(audio("95 11 4f707573 00 000002 aabb 03 000001 cc"), out));
    fail_unless(
        split_tracks(audio("95 20 6d703461 01 000002 1210 664c6143 02 000003 664c61"), out));
    const char *bodies[] = {"91 61766331 000000aa",   "96 01 61766331 07 000000aa",
                            "91 4f707573 aabb",       "95 01 4f707573 03 cc",
                            "95 00 6d703461 01 1210", "95 00 664c6143 02 664c61"};
    fail_unless_equals_int(out.size(), std::size(bodies));
    for (size_t i = 0; i < out.size(); ++i)
        expect(out[i], bodies[i]);
    fail_unless(out[0].timestamp == 40 && out[0].kind == TagKind::keyframe);
    // Nanosecond offsets stay with each track.
    out.clear();
    fail_unless(split_tracks(audio("97 02 0003e8 05 11 4f707573 00 000001 aa 01 000001 bb"), out));
    fail_unless_equals_int(out.size(), 2);
    expect(out[0], "97 02 0003e8 01 4f707573 aa");
    expect(out[1], "97 02 0003e8 05 01 4f707573 01 bb");
    for (const Tag &tag : out)
        fail_unless_equals_int(parse_body(tag.type, tag.body_view())->nanoseconds, 1000);
    expect(without_mod_ex(out[0]), "91 4f707573 aa");
    expect(without_mod_ex(out[1]), "95 01 4f707573 01 bb");
    expect(without_mod_ex(video("97 00 00 01 61763031 aa")), "91 61763031 aa");
    expect(without_mod_ex(video("91 61763031 aa")), "91 61763031 aa");
}
GST_END_TEST

GST_START_TEST(test_hostile_tracks) {
    std::vector<Tag> out;
    // A track longer than the tag ends it; earlier tracks are kept.
    fail_unless(split_tracks(audio("95 11 4f707573 00 000001 aa 01 0000ff bb"), out));
    fail_unless_equals_int(out.size(), 1);
    out.clear();
    fail_unless(split_tracks(audio("95 21 4f7075"), out) && out.empty());
    for (const char *bad : {"95", "95 31 4f707573 00 000001 aa", "95 15 4f707573 00 000001 aa",
                            "91 4f707573 aa", "97 ff ffff 05 01"})
        fail_if(split_tracks(audio(bad), out), "%s", bad);
    fail_unless(out.empty());
    // Thousands of empty tracks, and a prefix that each of them would copy.
    std::vector<uint8_t> body = from_hex("97 ff ffff");
    body.resize(body.size() + 65536);
    for (const uint8_t byte : from_hex("05 11 4f707573"))
        body.push_back(byte);
    body.resize(body.size() + 4 * 5000);
    fail_unless(split_tracks(make_tag(TagType::audio, 0, body), out));
    fail_unless_equals_int(out.size(), max_tracks_in_tag);
    size_t bytes = 0;
    for (const Tag &tag : out)
        bytes += tag.bytes.size();
    fail_unless(bytes < 10'000, "%zu bytes", bytes);
    // The normalizer reports it and continues.
    Normalizer normalizer;
    fail_unless(normalized(normalizer, audio("95 15 4f707573 00 000001 aa")).empty());
    fail_unless_equals_int(normalizer.take_notes().size(), 1);
    fail_unless_equals_int(normalized(normalizer, audio("91 4f707573 aa")).size(), 1);
}
GST_END_TEST

GST_START_TEST(test_headers_for_joiners) {
    Normalizer normalizer;
    const auto count = [&] { return normalizer.headers().list().size(); };
    // An Opus SequenceStart without an OpusHead is a configuration nevertheless.
    fail_unless(normalized(normalizer, audio("90 4f707573"))[0].kind == TagKind::config);
    fail_unless_equals_int(count(), 1);
    normalized(normalizer, audio("90 4f707573 4f70757348656164"));
    normalized(normalizer, audio("90 4f707573")); // says nothing new
    expect(*normalizer.headers().audio_config, "90 4f707573 4f70757348656164");
    // The comment header does not replace the configuration.
    fail_unless(normalized(normalizer, audio("90 4f707573 4f70757354616773 00")).empty());
    expect(*normalizer.headers().audio_config, "90 4f707573 4f70757348656164");
    fail_unless_equals_int(normalizer.headers().version, 2);
    // Colour information and channel layout are kept, after the configuration.
    normalized(normalizer, video("90 61763031 81000c00"));
    normalized(normalizer, video("84 61763031 0200"));
    normalized(normalizer, audio("94 4f707573 0102 00000003"));
    fail_unless_equals_int(count(), 4);
    expect(normalizer.headers().list()[2], "d4 61763031 0200");
    const unsigned version = normalizer.headers().version;
    normalized(normalizer, video("94 61763031 0200"));
    fail_unless_equals_int(normalizer.headers().version, version);
    normalized(normalizer, video("d4 61763031 0201"));
    fail_unless_equals_int(normalizer.headers().version, version + 1);
    fail_unless_equals_int(count(), 4);
    // Colour information of another codec is not kept.
    normalized(normalizer, video("90 76703039 01000000000a0801010100 00"));
    fail_unless_equals_int(count(), 3);
    // The further tracks of a tag, each under its own number.
    normalized(normalizer, audio("95 10 4f707573 00 000001 aa 01 000001 bb 02 000001 cc"));
    fail_unless_equals_int(count(), 5);
    // A descriptor of MPEG-2 TS is not a configuration record.
    fail_unless(normalized(normalizer, video("95 61763031 80048100"))[0].kind == TagKind::other);
    fail_unless_equals_int(count(), 5);
}
GST_END_TEST

// Each viewer gets the forms it takes, from one ring.
GST_START_TEST(test_viewers_take_forms) {
    Producer p;
    p.append(video("90 68766331 01"));
    p.append(video("d4 68766331 0200"));
    p.append(audio("af00 1210"));
    p.append(audio("95 00 6d703461 01 1190"));
    p.append(video("97 02 0003e8 01 68766331 000000 aa"));
    p.append(audio("af01 21"));
    p.append(audio("95 01 6d703461 01 22"));
    p.append(audio("97 02 0003e8 05 01 6d703461 01 23"));
    p.append(audio("97 02 0003e8 01 6d703461 24"));

    const auto expect_seen = [&](uint8_t takes, std::string wanted) {
        fail_unless_equals_string(seen(p.ring, takes).c_str(), wanted.c_str());
    };
    const std::string config = "906876633101 af001210",
                      colours = "906876633101 af001210 d4687663310200";
    expect_seen(feature::none, config + " 9168766331000000aa af0121 af0124");
    expect_seen(feature::description, colours + " 9168766331000000aa af0121 af0124");
    expect_seen(feature::description | feature::multitrack,
                colours + " 95006d703461011190 9168766331000000aa af0121 95016d7034610122 "
                          "95016d7034610123 af0124");
    expect_seen(feature::description | feature::mod_ex,
                colours + " 97020003e80168766331000000aa af0121 97020003e8016d70346124");
    expect_seen(feature::all,
                colours + " 95006d703461011190 97020003e80168766331000000aa af0121 "
                          "95016d7034610122 97020003e805016d7034610123 97020003e8016d70346124");
    fail_unless_equals_int(p.feed.codec(TagType::video), fourcc("hvc1"));
    fail_unless_equals_int(p.feed.codec(TagType::audio), fourcc("mp4a"));

    // Frames of a further track are no join position, and their times do not move the other
    // tracks'.
    Producer q;
    q.append(audio("95 01 4f707573 01 aa", 5000));
    fail_unless(seen(q.ring, feature::all).empty());
    q.append(audio("91 4f707573 bb", 1000));
    Viewer viewer;
    fail_unless_equals_int(viewer.packets(q.ring).size(), 1);
    q.append(audio("95 01 4f707573 01 cc", 980));
    const auto further = viewer.packets(q.ring);
    fail_unless_equals_int(further.size(), 1);
    fail_unless_equals_int(wire_time(*further[0]), 0);
    q.append(audio("91 4f707573 dd", 1020));
    const auto next = viewer.packets(q.ring);
    fail_unless_equals_int(next.size(), 1);
    fail_unless_equals_int(wire_time(*next[0]), 20);
}
GST_END_TEST

GST_START_TEST(test_features_of_a_gather_list) {
    Producer p;
    p.append(audio("91 4f707573 aa"));
    for (int i = 0; i < 3; ++i)
        p.append(audio("95 01 4f707573 01 bb"));
    fanout::BatchCache cache;
    fanout::Cursor cursor;
    std::vector<fanout::PacketPtr> first;
    fail_unless(p.ring.settle(cursor, {}, {}, first) == fanout::Ring::Place::behind);
    const auto *all = cache.get(p.ring, cursor, fanout::Framing::none, feature::all);
    const auto *some = cache.get(p.ring, cursor, fanout::Framing::none, feature::none);
    fail_unless(all != some && all->size > some->size);
    fail_unless(cache.get(p.ring, cursor, fanout::Framing::none, feature::none) == some);
    // A viewer for which there is no packet advances nevertheless.
    struct Counting : fanout::Wire {
        ssize_t write(const iovec *parts, int count) override {
            ssize_t size = 0;
            for (int i = 0; i < count; ++i)
                size += static_cast<ssize_t>(parts[i].iov_len);
            fail_unless(size > 0);
            return size;
        }
    } wire;
    fanout::Outlet outlet;
    uint64_t sent = 0;
    int error = 0;
    fanout::Outlet::Source source;
    source.ring = &p.ring;
    source.takes = feature::none;
    for (int i = 0; i < 3; ++i) {
        cache.clear();
        fail_unless(outlet.send(wire, source, cache, sent, error) == fanout::Outlet::Status::idle);
        fail_unless_equals_int(*outlet.cursor().next, p.ring.packets());
        p.append(audio("95 01 4f707573 01 bb"));
    }
}
GST_END_TEST

static Suite *flv_enhanced_suite() {
    Suite *s = suite_create("flv_enhanced");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_simple_forms);
    tcase_add_test(tc, test_tracks);
    tcase_add_test(tc, test_hostile_tracks);
    tcase_add_test(tc, test_headers_for_joiners);
    tcase_add_test(tc, test_viewers_take_forms);
    tcase_add_test(tc, test_features_of_a_gather_list);
    return s;
}
GST_CHECK_MAIN(flv_enhanced)
