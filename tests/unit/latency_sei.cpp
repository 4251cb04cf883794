// SPDX-License-Identifier: LGPL-2.1-or-later
// Per-hop stamps in access units of H.264, H.265 and AV1: written stamps are read back, in the
// right position and with any framing; no damaged stamp is read as another.
#include "core/codec/avc.h"
#include "core/latency/sei.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::latency;
using samples::from_hex;

namespace {

using Unit = std::vector<uint8_t>;

struct Case {
    const char *name;
    Framing framing;
    Unit unit;
    size_t place; ///< where the stamps go
};

// Delimiter, SPS, PPS, another SEI, an IDR slice whose bytes look like a start code's neighbours.
const Case cases[] = {
    {"h264 byte stream",
     {Codec::h264, 0},
     from_hex("0000000109f0 000000016764000c 0000000168ebe3 0000010605021234 80"
              "000001 65888400 0003 00 0102"),
     30},
    {"h264 long start code", {Codec::h264, 0}, from_hex("0000000165888400aa"), 0},
    {"h264 short start code", {Codec::h264, 0}, from_hex("00000109f0 00000141 9a00"), 5},
    {"h264 avc",
     {Codec::h264, 4},
     from_hex("0000000209f0 00000005 0605021234 00000003 658884"),
     15},
    {"h264 avc, lengths of 2", {Codec::h264, 2}, from_hex("0003658884"), 0},
    {"h264 with a prefix", {Codec::h264, 4}, from_hex("000000026742 000000026e00 000000026588"), 6},
    {"h265 byte stream",
     {Codec::h265, 0},
     from_hex("00000001460150 0000000140010c 00000001420101 0000000144 01c1 000001 2801af"),
     28},
    {"h265 hvc1", {Codec::h265, 4}, from_hex("0000000340010c 00000003 0202d0"), 7},
    // Temporal delimiter, sequence header, frame without a size.
    {"av1", {Codec::av1, 0}, from_hex("1200 0a03000000 30 10203040"), 7},
    {"av1 with sizes", {Codec::av1, 0}, from_hex("1200 0a03000000 3204 10203040"), 7},
};

FrameStamps made(size_t hops) {
    FrameStamps out;
    out.source = 0x00000102; // zeros, so that emulation prevention has work
    out.frame = 3;
    for (size_t i = 0; i < hops; ++i)
        out.hops.push_back({all_hops[i % std::size(all_hops)],
                            int64_t(1'700'000'000'000'000) + int64_t(i) * 12'345});
    return out;
}

Unit put(const Framing &framing, const Unit &unit, const FrameStamps &stamps) {
    const auto place = find_stamps(framing, unit);
    fail_unless(place.has_value());
    const auto bytes = build_stamps(framing, *place, stamps);
    fail_if(bytes.empty());
    Unit out(unit.begin(), unit.begin() + ptrdiff_t(place->begin));
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.insert(out.end(), unit.begin() + ptrdiff_t(place->end), unit.end());
    return out;
}

/// The NAL units without stamps.
std::vector<Unit> others(const Framing &framing, const Unit &unit) {
    std::vector<Unit> out;
    if (framing.length_size) {
        codec::AvccReader reader(unit, framing.length_size);
        for (ByteView nal; reader.next(nal);)
            out.emplace_back(nal.begin(), nal.end());
        fail_if(reader.failed());
    } else {
        codec::AnnexBReader reader(unit);
        for (ByteView nal; reader.next(nal);)
            out.emplace_back(nal.begin(), nal.end());
    }
    std::erase_if(out, [&](const Unit &nal) {
        const uint8_t type = framing.codec == Codec::h264 ? nal[0] & 0x1F : nal[0] >> 1;
        return type == (framing.codec == Codec::h264 ? 6 : 39) && nal.size() > 20;
    });
    return out;
}

} // namespace

GST_START_TEST(test_names) {
    for (const Hop hop : all_hops)
        fail_unless(hop_named(name_of(hop)) == hop);
    fail_if(hop_named("door"));
    FrameStamps stamps = made(7);
    stamps.hops.push_back({Hop::server, 5});
    fail_unless(stamps.time_of(Hop::server) == 5); // the last one
    fail_if(made(1).time_of(Hop::client));
}
GST_END_TEST

GST_START_TEST(test_place) {
    for (const Case &c : cases) {
        const auto place = find_stamps(c.framing, c.unit);
        fail_unless(place.has_value(), "%s", c.name);
        fail_unless(place->begin == c.place && place->end == c.place, "%s: at %zu", c.name,
                    place->begin);
        fail_if(place->stamps || place->damaged);
    }
    fail_unless_equals_int(find_stamps({Codec::h265, 4}, cases[7].unit)->temporal_id, 2);
}
GST_END_TEST

// Each hop is added to the existing ones; the frame and all else is unchanged.
GST_START_TEST(test_round_trip) {
    for (const Case &c : cases) {
        Unit unit = c.unit;
        for (size_t hops = 0; hops <= FrameStamps::most_hops; ++hops) {
            unit = put(c.framing, unit, made(hops));
            const auto place = find_stamps(c.framing, unit);
            fail_unless(place && place->stamps == made(hops), "%s: %zu hops", c.name, hops);
            fail_unless(place->begin == c.place && place->end > c.place, "%s", c.name);
            // Removing the stamps restores the original.
            Unit without = unit;
            without.erase(without.begin() + ptrdiff_t(place->begin),
                          without.begin() + ptrdiff_t(place->end));
            fail_unless(without == c.unit, "%s", c.name);
            if (c.framing.codec != Codec::av1)
                fail_unless(others(c.framing, unit) == others(c.framing, c.unit), "%s", c.name);
        }
        const auto place = find_stamps(c.framing, unit);
        fail_unless(build_stamps(c.framing, *place, made(FrameStamps::most_hops + 1)).empty());
    }
    // A length of one byte has no room for many hops; then nothing is written.
    const Framing small{Codec::h264, 1};
    const Unit unit = from_hex("03658884");
    fail_unless(find_stamps(small, put(small, unit, made(7)))->stamps == made(7));
    const FrameStamps zeros{0, 0, std::vector<HopStamp>(24, {Hop::capture, 0})}; // much to escape
    fail_unless(build_stamps(small, *find_stamps(small, unit), zeros).empty());
}
GST_END_TEST

// Emulation prevention: no start code appears within the unit.
GST_START_TEST(test_no_start_codes) {
    for (const Case &c : cases) {
        if (c.framing.codec == Codec::av1) continue;
        FrameStamps stamps{0, 0, std::vector<HopStamp>(24, {Hop::capture, 0})};
        const auto bytes = build_stamps(c.framing, *find_stamps(c.framing, c.unit), stamps);
        const size_t from = c.framing.length_size ? c.framing.length_size : 4;
        for (size_t i = from; i + 2 < bytes.size(); ++i)
            fail_if(bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] < 3, "%s at %zu", c.name, i);
        fail_unless(find_stamps(c.framing, put(c.framing, c.unit, stamps))->stamps == stamps);
    }
}
GST_END_TEST

// With every byte damaged in every bit, and cut anywhere: the same stamps, none, or no place at
// all.
GST_START_TEST(test_damage) {
    const FrameStamps stamps = made(5);
    for (const Case &c : cases) {
        const Unit good = put(c.framing, c.unit, stamps);
        const auto place = find_stamps(c.framing, good);
        unsigned damaged = 0;
        for (size_t at = 0; at < good.size(); ++at)
            for (unsigned change = 1; change < 256; change += 256 / unsigned(rounds(256))) {
                Unit bad = good;
                bad[at] ^= static_cast<uint8_t>(change);
                const auto found = find_stamps(c.framing, bad);
                if (!found) continue;
                fail_unless(found->begin <= found->end && found->end <= bad.size());
                fail_unless(!found->stamps || *found->stamps == stamps,
                            "%s: byte %zu ^ %02x is read as another", c.name, at, change);
                fail_if(found->stamps && found->damaged);
                damaged += found->damaged;
            }
        fail_unless(damaged > 100, "%s: %u", c.name, damaged);
        for (size_t size = 0; size < good.size(); ++size) {
            const auto found = find_stamps(c.framing, ByteView(good).first(size));
            if (size < place->end) fail_if(found && found->stamps, "%s cut at %zu", c.name, size);
        }
    }
}
GST_END_TEST

// A stamp that shares an SEI unit with a foreign message is read; a new one is written into a unit
// of its own.
GST_START_TEST(test_shared_unit) {
    const Framing framing{Codec::h264, 0};
    const Unit alone = put(framing, from_hex("000000016588"), made(1));
    // A foreign message follows the start code and the header.
    Unit unit(alone.begin(), alone.begin() + 5);
    const Unit foreign = from_hex("0502abcd");
    unit.insert(unit.end(), foreign.begin(), foreign.end());
    unit.insert(unit.end(), alone.begin() + 5, alone.end());
    auto place = find_stamps(framing, unit);
    fail_unless(place && place->stamps == made(1));
    fail_unless(place->begin == place->end);
    unit = put(framing, unit, made(2));
    fail_unless(find_stamps(framing, unit)->stamps == made(2));
    fail_unless(std::search(unit.begin(), unit.end(), foreign.begin(), foreign.end()) !=
                unit.end());
}
GST_END_TEST

GST_START_TEST(test_nothing_to_stamp) {
    fail_if(find_stamps({Codec::h264, 0}, Unit{}));
    fail_if(find_stamps({Codec::h264, 0}, from_hex("0000000109f0")));
    fail_if(find_stamps({Codec::h264, 4}, from_hex("0000000967640c")));
    fail_if(find_stamps({Codec::av1, 0}, from_hex("1200 0a7f")));
    fail_if(find_stamps({Codec::av1, 0}, from_hex("9200")));
}
GST_END_TEST

static Suite *latency_sei_suite() {
    Suite *s = suite_create("latency_sei");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_names);
    tcase_add_test(tc, test_place);
    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_no_start_codes);
    tcase_add_test(tc, test_damage);
    tcase_add_test(tc, test_shared_unit);
    tcase_add_test(tc, test_nothing_to_stamp);
    return s;
}
GST_CHECK_MAIN(latency_sei)
