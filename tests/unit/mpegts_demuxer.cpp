// SPDX-License-Identifier: LGPL-2.1-or-later
// The MPEG-TS demuxer: packets, tables, programs, lost packets, video units and data.
#include "unit/ts_writer.hpp"

#include <random>

#include "check.hpp"

using namespace ts_test;

namespace {

const std::vector<PmtStream> both{{0x1B, 0x100}, {0x0F, 0x101}};
/// ADTS, LC, 44.1 kHz, stereo: a frame of `size` bytes.
Vector adts(size_t size, uint8_t mark) {
    Vector frame{0xFF,
                 0xF1,
                 0x50,
                 uint8_t(0x80 | size >> 11),
                 uint8_t(size >> 3),
                 uint8_t((size & 7) << 5 | 0x1F),
                 0xFC};
    frame.resize(size, mark);
    return frame;
}

/// Two tables, then `count` pictures of 40 ms and two frames of audio with each.
Vector ordinary(int count) {
    Sender s;
    for (int i = 0; i < count; ++i) {
        if (i % 10 == 0) s.tables(both);
        s.video(picture(i % 10 == 0, uint8_t(i), 300 + size_t(i)), 9000 + uint64_t(i) * 3600, {},
                {false, 6000 + uint64_t(i) * 3600});
        Vector frames = adts(100, uint8_t(i));
        const Vector second = adts(90, uint8_t(i));
        frames.insert(frames.end(), second.begin(), second.end());
        s.audio(frames, 9000 + uint64_t(i) * 3600);
    }
    return s.bytes;
}

} // namespace

// However the input is cut, and whatever is around its packets, the same comes out.
GST_START_TEST(test_any_cut) {
    const Vector input = ordinary(30);
    const Rig whole(input);
    fail_unless_equals_int(whole.sink.of(0).size(), 30);
    fail_unless_equals_int(whole.sink.of(1).size(), 60);
    fail_unless_equals_int(whole.sink.programs.size(), 1);
    fail_unless(!whole.sink.units.front().discontinuity);

    const auto spread = [&](size_t in_front, size_t behind) {
        Vector out;
        for (size_t at = 0; at < input.size(); at += packet_size) {
            out.resize(out.size() + in_front, 0x11);
            out.insert(out.end(), input.begin() + ptrdiff_t(at),
                       input.begin() + ptrdiff_t(at + packet_size));
            out.resize(out.size() + behind, 0x22);
        }
        return out;
    };
    std::mt19937 random(1);
    for (const Vector &form : {input, spread(4, 0), spread(0, 16)})
        for (const size_t most : {1, 187, 188, 189, 1316, 5000}) {
            Rig rig;
            for (ByteView rest = form; !rest.empty();) {
                const size_t count =
                    std::min<size_t>(rest.size(), most == 1 ? 1 : 1 + random() % most);
                rig.demuxer.push(rest.first(count));
                rest = rest.subspan(count);
            }
            rig.demuxer.finish();
            fail_unless(rig.sink.units == whole.sink.units, "cut to %zu of %zu", most, form.size());
        }
}
GST_END_TEST

GST_START_TEST(test_garbage) {
    const Vector input = ordinary(30);
    // In front, 0x47 among it; in the middle, not a multiple of a packet; a sync byte destroyed.
    Vector bad(1000, 0x11);
    for (size_t i = 0; i < bad.size(); i += 50)
        bad[i] = sync_byte;
    bad.insert(bad.end(), input.begin(), input.end());
    const size_t middle = 1000 + packet_size * 61;
    bad.insert(bad.begin() + ptrdiff_t(middle), 333, 0xAA);
    bad[1000 + packet_size * 40] = 0;
    const Rig rig(bad);
    const auto stats = rig.demuxer.stats();
    fail_unless(stats.resyncs == 2, "%u", unsigned(stats.resyncs));
    fail_unless(stats.skipped >= 1333 && stats.skipped < 1333 + 2 * packet_size);
    fail_unless(stats.packet_distance == packet_size);
    // One packet is missing: at most one picture and one piece of audio with it.
    fail_unless(rig.sink.of(0).size() >= 28 && rig.sink.of(1).size() >= 56);
    // Nothing at all.
    const Rig none(Vector(5000, 0xAA));
    fail_unless_equals_int(none.demuxer.stats().packets, 0);
    fail_unless_equals_int(none.demuxer.stats().skipped > 4000, 1);
}
GST_END_TEST

// A picture goes on when the next one begins, and not later.
GST_START_TEST(test_no_delay) {
    Rig rig;
    Sender s;
    s.tables(both);
    s.video(picture(true, 1, 500), 9000);
    rig.demuxer.push(s.bytes);
    fail_unless(rig.sink.units.empty());
    // The first packet of the next picture is enough.
    s.bytes.clear();
    s.video(picture(false, 2, 1000), 12600);
    rig.demuxer.push(ByteView(s.bytes).first(packet_size));
    fail_unless_equals_int(rig.sink.units.size(), 1);
    fail_unless(rig.sink.units[0].data == picture(true, 1, 500));
    fail_unless_equals_int(rig.sink.units[0].nals, 2);
    fail_unless_equals_int(*rig.sink.units[0].pts, 9000);

    // Where the length is known, and has been right for long, it need not be waited for.
    Rig bounded;
    Sender t;
    t.tables(both);
    for (int i = 0; i < 40; ++i)
        t.payload(0x100, Sender::pes(0xE0, picture(i == 0, uint8_t(i)), 9000 + i * 3600, {}, true));
    bounded.demuxer.push(t.bytes);
    fail_unless_equals_int(bounded.sink.units.size(), 40);
}
GST_END_TEST

// Several pictures in a packet, one picture in several, and packets that begin in the middle.
GST_START_TEST(test_units_and_packets) {
    Sender s;
    s.tables(both);
    Vector three = picture(true, 1);
    for (const uint8_t mark : {2, 3}) {
        const Vector next = picture(false, mark);
        three.insert(three.end(), next.begin(), next.end());
    }
    s.video(three, 9000);
    // Of this one the second half comes with the next packet's beginning.
    const Vector cut = picture(false, 4, 400), behind = picture(false, 5);
    s.video(ByteView(cut).first(200), 20000);
    Vector rest(cut.begin() + 200, cut.end());
    rest.insert(rest.end(), behind.begin(), behind.end());
    s.video(rest, 30000);
    // A packet without time belongs to the unit before it.
    const Vector long_one = picture(false, 6, 900);
    s.video(ByteView(long_one).first(300), 40000);
    s.payload(0x100, Sender::pes(0xE0, ByteView(long_one).subspan(300), {}));
    s.video(picture(false, 7), 50000);
    const Rig rig(s.bytes);
    const auto units = rig.sink.of(0);
    fail_unless_equals_int(units.size(), 7);
    const std::optional<int64_t> times[] = {9000, {}, {}, 20000, 30000, 40000, 50000};
    for (size_t i = 0; i < units.size(); ++i) {
        fail_unless_equals_int(units[i].data.back(), int(i) + 1);
        fail_unless(units[i].pts == times[i], "picture %zu", i);
    }
    fail_unless(units[3].data == cut && units[5].data == long_one);
}
GST_END_TEST

// Each slice in a packet of its own, without delimiters.
GST_START_TEST(test_slices) {
    Sender s;
    s.tables(both);
    for (int i = 0; i < 5; ++i) {
        const uint64_t time = 9000 + uint64_t(i) * 3600;
        s.video(Vector{0, 0, 0, 1, 0x06, 5, 1, 0, 0x80}, time); // SEI
        s.video(picture(i == 0, 1, 30, false), time);
        s.video(Vector{0, 0, 1, uint8_t(i == 0 ? 0x65 : 0x41), 0x40, uint8_t(i + 1)}, time);
    }
    const Rig rig(s.bytes);
    fail_unless_equals_int(rig.sink.of(0).size(), 5);
    for (const Sink::Kept &unit : rig.sink.units)
        fail_unless_equals_int(unit.nals, 3);
}
GST_END_TEST

// A picture that misses a packet is dropped, whichever it is; the next one is marked.
GST_START_TEST(test_lost_packets) {
    Sender s;
    s.tables(both);
    std::vector<size_t> begins;
    for (int i = 0; i < 5; ++i) {
        begins.push_back(s.bytes.size() / packet_size);
        s.video(picture(i == 0, uint8_t(i + 1), 700), 9000 + uint64_t(i) * 3600);
    }
    const size_t packets = s.bytes.size() / packet_size;
    fail_unless_equals_int(begins[2] - begins[1], 4);
    for (size_t lost = begins[1]; lost < begins[3]; ++lost) {
        Vector input = s.bytes;
        input.erase(input.begin() + ptrdiff_t(lost * packet_size),
                    input.begin() + ptrdiff_t((lost + 1) * packet_size));
        const Rig rig(input);
        const auto units = rig.sink.of(0);
        const bool is_first = lost == begins[1] || lost == begins[2];
        // What precedes a lost beginning can't be known to be whole.
        fail_unless_equals_int(units.size(), is_first ? 3 : 4);
        for (const Sink::Kept &unit : units) {
            fail_unless(unit.data == picture(unit.data.back() == 1, unit.data.back(), 700));
            const uint8_t after = lost < begins[2] ? 3 : 4;
            fail_unless_equals_int(unit.discontinuity, unit.data.back() == after);
        }
        fail_unless_equals_int(rig.demuxer.stats().lost, 1);
        fail_unless(rig.demuxer.stats().damaged >= 1);
    }
    // A packet that came twice is none that is lost.
    for (size_t twice = 0; twice < packets; ++twice) {
        Vector input = s.bytes;
        const auto at = input.begin() + ptrdiff_t(twice * packet_size);
        const Vector packet(at, at + ptrdiff_t(packet_size));
        input.insert(at, packet.begin(), packet.end());
        const Rig rig(input);
        fail_unless_equals_int(rig.sink.units.size(), 5);
        fail_unless_equals_int(rig.demuxer.stats().lost, 0);
    }
    // One that says it is broken is lost.
    Vector broken = s.bytes;
    broken[(begins[1] + 1) * packet_size + 1] |= 0x80;
    const Rig rig(broken);
    fail_unless_equals_int(rig.sink.units.size(), 4);
    fail_unless_equals_int(rig.demuxer.stats().broken, 1);
}
GST_END_TEST

// A jump of the counter that the sender announces loses nothing.
GST_START_TEST(test_announced_jump) {
    Sender s;
    s.tables(both);
    s.video(picture(true, 1, 400), 9000, {}, {false, 5000});
    s.counters[0x100] = 11;
    s.video(picture(true, 2, 400), 900'000'000, {}, {true, 899'000'000});
    s.video(picture(false, 3, 400), 900'003'600, {}, {false, 899'003'600});
    const Rig rig(s.bytes);
    fail_unless_equals_int(rig.sink.units.size(), 3);
    fail_unless(!rig.sink.units[2].discontinuity && rig.sink.units[1].discontinuity);
    const auto stats = rig.demuxer.stats();
    fail_unless(stats.lost == 0 && stats.clock_jumps == 1);
}
GST_END_TEST

GST_START_TEST(test_scrambled) {
    Sender s;
    s.tables(both);
    s.video(picture(true, 1, 400), 9000);
    s.video(picture(false, 2, 400), 12600, {}, {false, {}, true});
    s.video(picture(true, 3, 400), 16200);
    s.video(picture(true, 4, 400), 19800);
    const Rig rig(s.bytes);
    for (const Sink::Kept &unit : rig.sink.units)
        fail_unless(unit.data.back() >= 3);
    fail_unless_equals_int(rig.sink.units.size(), 2);
    fail_unless_equals_int(rig.demuxer.stats().scrambled, 1);
}
GST_END_TEST

// Timestamps go on over the wrap, in all streams.
GST_START_TEST(test_wrap) {
    Sender s;
    s.tables(both);
    const uint64_t begin = uint64_t(Clock::period) - 3 * 3600;
    for (uint64_t i = 0; i < 6; ++i) {
        s.video(picture(i == 0, uint8_t(i)), begin + i * 3600 + 7200, begin + i * 3600);
        s.audio(adts(100, uint8_t(i)), begin + i * 3600);
    }
    const Rig rig(s.bytes);
    for (const size_t stream : {0, 1}) {
        const auto units = rig.sink.of(stream);
        fail_unless_equals_int(units.size(), 6);
        for (size_t i = 0; i < units.size(); ++i) {
            const auto time = int64_t(begin + i * 3600);
            fail_unless(*units[i].pts == time + (stream == 0 ? 7200 : 0));
            if (stream == 0) fail_unless(*units[i].dts == time);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_programs) {
    Sender s;
    // The first in the table has data only; the maps come in another order.
    s.pat({{7, 0x300}, {5, 0x200}, {9, 0x400}});
    s.pmt(0x400, 9, {{0x1B, 0x110}});
    s.pmt(0x200, 5, {{0x1B, 0x100}});
    s.pmt(0x300, 7, {{0x06, 0x120}});
    for (int i = 0; i < 3; ++i) {
        s.video(picture(i == 0, 5), 9000 + uint64_t(i) * 3600);
        s.payload(0x110, Sender::pes(0xE0, picture(i == 0, 9), 9000 + i * 3600));
    }
    const Rig fifth(s.bytes);
    fail_unless_equals_int(fifth.demuxer.program()->number, 5);
    fail_unless_equals_int(fifth.demuxer.programs().size(), 3);
    fail_unless_equals_int(fifth.sink.units.size(), 3);
    Demuxer::Options options;
    options.program = 9;
    const Rig ninth(s.bytes, options);
    fail_unless_equals_int(ninth.sink.units.size(), 3);
    fail_unless_equals_int(ninth.sink.units[0].data.back(), 9);
    options.program = 8;
    const Rig absent(s.bytes, options);
    fail_unless(!absent.demuxer.program() && absent.sink.units.empty());

    // Another one is chosen while it runs.
    Rig rig(options);
    rig.demuxer.push(s.bytes);
    rig.demuxer.choose(5);
    rig.demuxer.push(s.bytes);
    rig.demuxer.finish();
    fail_unless_equals_int(rig.demuxer.program()->number, 5);

    // A map that never comes is not waited for for ever.
    Sender t;
    t.pat({{1, 0x200}, {2, 0x1000}});
    t.pmt(0x1000, 2, both);
    for (int i = 0; i < 5000; ++i)
        t.video(picture(i % 25 == 0, 1), 9000 + uint64_t(i) * 3600);
    const Rig late(t.bytes);
    fail_unless(late.demuxer.program() && late.demuxer.program()->number == 2);
}
GST_END_TEST

// A sender whose map changes all the time is followed at times only; one that changes it and then
// goes on is followed.
GST_START_TEST(test_maps_that_alternate) {
    Sender s;
    const std::vector<PmtStream> other{{0x1B, 0x102}};
    for (int i = 0; i < 2'000; ++i)
        s.tables(i % 2 ? other : both);
    Rig rig(s.bytes);
    const size_t changes = rig.sink.programs.size();
    fail_unless(changes >= 2 && changes <= 40, "%zu", changes);
    Sender last = s;
    last.bytes.clear();
    for (int i = 0; i < 2'100; ++i)
        last.tables({{0x1B, 0x104}});
    rig.demuxer.push(last.bytes);
    fail_unless(rig.sink.programs.size() == changes + 1, "%zu", rig.sink.programs.size());
    fail_unless_equals_int(rig.demuxer.program()->streams.at(0).pid, 0x104);
}
GST_END_TEST

// A map in two packets, with a wrong CRC, with another version, and a program that goes.
GST_START_TEST(test_tables_change) {
    Sender s;
    std::vector<PmtStream> many = both;
    many[1].descriptors = {0x0A, 4, 'E', 'N', 'G', 0};
    for (uint16_t i = 0; i < 20; ++i)
        many.push_back({0x06, uint16_t(0x200 + i), {0x05, 4, 'K', 'L', 'V', 'A'}});
    s.pat({{1, 0x1000}});
    Vector broken = Sender::pmt_section(1, 0x100, {{0x24, 0x100}}, 0);
    broken[12] ^= 1;
    s.send_section(0x1000, broken);
    s.tables(many);
    s.video(picture(true, 1), 9000);
    s.audio(adts(100, 1), 9000);
    // The audio has another PID now; the picture that has begun goes on.
    s.pmt(0x1000, 1, {{0x0F, 0x105}, {0x1B, 0x100}}, 1);
    s.video(picture(false, 2), 12600);
    s.audio(adts(100, 2), 12600, 0x105);
    s.audio(adts(100, 3), 16200, 0x101);
    // The sender begins anew with another program.
    s.pat({{2, 0x1001}}, 1);
    s.pmt(0x1001, 2, {{0x1B, 0x100}});
    s.video(picture(true, 4), 90000);
    const Rig rig(s.bytes);
    fail_unless_equals_int(rig.demuxer.stats().table_errors, 1);
    fail_unless_equals_int(rig.sink.programs.size(), 3);
    fail_unless_equals_int(rig.sink.programs[0].streams.size(), 22);
    fail_unless(rig.sink.programs[0].streams[5].codec == Codec::klv);
    fail_unless_equals_string(rig.sink.programs[0].streams[1].language.data(), "eng");
    std::vector<std::pair<size_t, int>> got;
    for (const Sink::Kept &unit : rig.sink.units)
        got.emplace_back(unit.stream, unit.data.back());
    const std::vector<std::pair<size_t, int>> want{{1, 1}, {1, 1}, {0, 2}, {1, 2}, {0, 4}};
    fail_unless(got == want, "%zu units", got.size());
}
GST_END_TEST

// An association table of two sections.
GST_START_TEST(test_long_pat) {
    Sender s;
    s.pat({{3, 0x300}}, 4, 0, 1);
    s.pat({{4, 0x400}}, 4, 1, 1);
    s.pmt(0x300, 3, {{0x02, 0x120}});
    s.pmt(0x400, 4, {{0x1B, 0x100}});
    s.video(picture(true, 1), 9000);
    const Rig rig(s.bytes);
    fail_unless_equals_int(rig.demuxer.programs().size(), 2);
    fail_unless_equals_int(rig.sink.units.size(), 1);
}
GST_END_TEST

GST_START_TEST(test_data) {
    Sender s;
    const Vector id3_pointer{0x26, 13,  0xFF, 0xFF, 'I', 'D', '3', ' ',
                             0xFF, 'I', 'D',  '3',  ' ', 0,   0};
    s.tables({{0x1B, 0x100},
              {0x86, 0x102, {0x05, 4, 'C', 'U', 'E', 'I'}},
              {0x15, 0x103, id3_pointer},
              {0x06, 0x104, {0x05, 4, 'K', 'L', 'V', 'A'}},
              {0x06, 0x105},
              {0x02, 0x106}});
    const Vector cue = Sender::section({0xFC, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    s.send_section(0x102, cue);
    s.payload(0x103, Sender::pes(0xBD, Vector(600, 3), 9000, {}, true));
    s.payload(0x104, Sender::pes(0xFC, Vector(300, 4), 12600, {}, true));
    s.payload(0x105, Sender::pes(0xBD, Vector(200, 5), {}, {}, true));
    s.payload(0x106, Sender::pes(0xE0, Vector(200, 6), 12600));
    const Rig rig(s.bytes);
    const auto &streams = rig.sink.programs.at(0).streams;
    const Codec codecs[] = {Codec::avc, Codec::scte35,       Codec::id3,
                            Codec::klv, Codec::private_data, Codec::unknown};
    for (size_t i = 0; i < std::size(codecs); ++i)
        fail_unless(streams[i].codec == codecs[i], "stream %zu", i);
    fail_unless_equals_int(rig.sink.units.size(), 4);
    fail_unless(rig.sink.units[0].data == cue);
    fail_unless(rig.sink.units[1].data == Vector(600, 3) && *rig.sink.units[1].pts == 9000);
    fail_unless(rig.sink.units[2].data == Vector(300, 4));
    fail_unless(rig.sink.units[3].data == Vector(200, 5) && !rig.sink.units[3].pts);
}
GST_END_TEST

// What a sender makes longer and longer is given up.
GST_START_TEST(test_bounds) {
    Demuxer::Options options;
    options.max_unit = 100'000;
    options.max_kept = 150'000;
    Rig rig(options);
    Sender s;
    s.tables({{0x1B, 0x100}, {0x1B, 0x110}, {0x1B, 0x111}});
    s.video(picture(true, 1, 300'000), 9000);
    s.video(picture(true, 2), 12600);
    // Together they are too long.
    for (const uint16_t pid : {0x110, 0x111})
        s.payload(pid, Sender::pes(0xE0, picture(true, 3, 90'000), 9000));
    s.video(picture(true, 4), 16200);
    rig.demuxer.push(s.bytes);
    rig.demuxer.finish();
    fail_unless_equals_int(rig.sink.of(0).size(), 2);
    fail_unless_equals_int(rig.sink.of(1).size() + rig.sink.of(2).size(), 1);
    fail_unless_equals_int(rig.demuxer.stats().damaged, 2);
}
GST_END_TEST

// After a flush nothing of before it comes out.
GST_START_TEST(test_flush) {
    Rig rig;
    Sender s;
    s.tables(both);
    s.video(picture(true, 1, 400), 9000);
    rig.demuxer.push(ByteView(s.bytes).first(s.bytes.size() - 100));
    rig.demuxer.flush();
    s.bytes.clear();
    s.video(picture(true, 2, 400), 3600);
    rig.demuxer.push(s.bytes);
    rig.demuxer.finish();
    fail_unless_equals_int(rig.sink.units.size(), 1);
    fail_unless_equals_int(rig.sink.units[0].data.back(), 2);
    fail_unless(*rig.sink.units[0].pts == 3600);
}
GST_END_TEST

static Suite *mpegts_demuxer_suite() {
    Suite *s = suite_create("mpegts_demuxer");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_any_cut);
    tcase_add_test(tc, test_garbage);
    tcase_add_test(tc, test_no_delay);
    tcase_add_test(tc, test_units_and_packets);
    tcase_add_test(tc, test_slices);
    tcase_add_test(tc, test_lost_packets);
    tcase_add_test(tc, test_announced_jump);
    tcase_add_test(tc, test_scrambled);
    tcase_add_test(tc, test_wrap);
    tcase_add_test(tc, test_programs);
    tcase_add_test(tc, test_tables_change);
    tcase_add_test(tc, test_long_pat);
    tcase_add_test(tc, test_data);
    tcase_add_test(tc, test_bounds);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_maps_that_alternate);
    return s;
}
GST_CHECK_MAIN(mpegts_demuxer)
