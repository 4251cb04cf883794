// SPDX-License-Identifier: LGPL-2.1-or-later
// The MPEG-TS muxer: golden tables and packets, sizes, the clock's wrap, continuity.
#include "core/mpegts/muxer.h"
#include "unit/ts_reader.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::mpegts;

static std::vector<uint8_t> pattern(size_t size) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<uint8_t>(i * 7 + i / 251);
    return bytes;
}

static const std::vector<Track> both{{StreamType::h264, 0x100, {}},
                                     {StreamType::aac_adts, 0x101, {}}};

GST_START_TEST(test_crc) {
    // The check value of CRC-32/MPEG-2.
    const std::string digits = "123456789";
    fail_unless_equals_int(crc32({reinterpret_cast<const uint8_t *>(digits.data()), 9}),
                           0x0376E6E7);
}
GST_END_TEST

GST_START_TEST(test_tables_golden) {
    Muxer muxer;
    muxer.set_tracks(both);
    std::vector<uint8_t> out;
    muxer.write_tables(out);
    fail_unless_equals_int(out.size(), 376);
    // Byte for byte by ISO/IEC 13818-1; every single-program stream with this PMT PID has this CRC
    // in its PAT (ffmpeg writes it too).
    const std::vector<uint8_t> pat{0x47, 0x40, 0x00, 0x10, 0x00, 0x00, 0xB0, 0x0D, 0x00, 0x01, 0xC1,
                                   0x00, 0x00, 0x00, 0x01, 0xF0, 0x00, 0x2A, 0xB1, 0x04, 0xB2};
    const std::vector<uint8_t> pmt{0x47, 0x50, 0x00, 0x10, 0x00, 0x02, 0xB0, 0x17, 0x00, 0x01, 0xC1,
                                   0x00, 0x00, 0xE1, 0x00, 0xF0, 0x00, 0x1B, 0xE1, 0x00, 0xF0, 0x00,
                                   0x0F, 0xE1, 0x01, 0xF0, 0x00, 0x2F, 0x44, 0xB9, 0x9B};
    fail_unless(std::equal(pat.begin(), pat.end(), out.begin()));
    fail_unless(std::equal(pmt.begin(), pmt.end(), out.begin() + 188));
    fail_unless(std::all_of(out.begin() + 188 + ptrdiff_t(pmt.size()), out.end(),
                            [](uint8_t b) { return b == 0xFF; }));
    // The same streams keep the version; different ones increment it.
    muxer.set_tracks(both);
    muxer.set_tracks({both[0]});
    out.clear();
    muxer.write_tables(out);
    const ts::Stream stream = ts::read(out);
    fail_unless_equals_int(stream.version, 1);
    fail_unless(stream.types.size() == 1 && stream.types.at(0x100) == 0x1B);
}
GST_END_TEST

GST_START_TEST(test_pes_golden) {
    Muxer muxer;
    muxer.set_tracks(both);
    std::vector<uint8_t> out;
    const std::vector<uint8_t> payload{0xDE, 0xAD};
    const ByteView pieces[] = {payload};
    AccessUnit unit{903600, 900000, true, pieces};
    muxer.write(0, unit, out);
    fail_unless_equals_int(out.size(), 188);
    const std::vector<uint8_t> head{0x47, 0x41, 0x00, 0x30, 0xA2, 0x50};
    fail_unless(std::equal(head.begin(), head.end(), out.begin()));
    // 900000 - 45000 = 855000 = 0xD0BD8
    const std::vector<uint8_t> pcr{0x00, 0x06, 0x85, 0xEC, 0x7E, 0x00};
    fail_unless(std::equal(pcr.begin(), pcr.end(), out.begin() + 6));
    const std::vector<uint8_t> pes{0x00, 0x00, 0x01, 0xE0, 0x00, 0x0F, 0x84, 0xC0, 0x0A, 0x31, 0x00,
                                   0x37, 0x93, 0x61, 0x11, 0x00, 0x37, 0x77, 0x41, 0xDE, 0xAD};
    fail_unless(std::equal(pes.begin(), pes.end(), out.end() - ptrdiff_t(pes.size())));
}
GST_END_TEST

// Payloads of every size around the packet's limits, with and without a clock reference, whole and
// in pieces, are read back unchanged.
GST_START_TEST(test_every_size) {
    const auto bytes = pattern(1500);
    for (size_t track = 0; track < 2; ++track)
        for (bool random_access : {false, true})
            for (size_t size = 1; size <= 800; ++size) {
                Muxer muxer;
                muxer.set_tracks(both);
                std::vector<uint8_t> out;
                muxer.write_tables(out);
                const size_t split = size / 3;
                const ByteView pieces[] = {ByteView(bytes).first(split), ByteView(),
                                           ByteView(bytes).subspan(split, size - split)};
                const AccessUnit unit{3600, size % 2 ? 3600u : 0u, random_access, pieces};
                const size_t before = out.size();
                muxer.write(track, unit, out);
                fail_unless(out.size() - before <= Muxer::packets_bound(size));
                const ts::Stream stream = ts::read(out);
                fail_unless_equals_int(stream.units.size(), 1);
                const ts::Pes &pes = stream.units[0];
                fail_unless(pes.payload == std::vector<uint8_t>(bytes.begin(),
                                                                bytes.begin() + ptrdiff_t(size)),
                            "size %zu track %zu", size, track);
                fail_unless_equals_int(pes.random_access, random_access);
                fail_unless_equals_int(pes.pcr.has_value(), track == 0);
                fail_unless_equals_uint64(pes.dts, unit.dts);
                fail_unless_equals_uint64(pes.pts, unit.pts);
            }
}
GST_END_TEST

GST_START_TEST(test_wrap_and_continuity) {
    Muxer muxer;
    muxer.set_tracks({both[1]}); // audio alone carries the clock
    std::map<uint16_t, uint8_t> counters;
    const auto bytes = pattern(400);
    const ByteView pieces[] = {bytes};
    const uint64_t wrap = uint64_t(1) << 33;
    for (uint64_t step = 0; step < 40; ++step) {
        std::vector<uint8_t> out; // one per segment
        muxer.write_tables(out);
        const uint64_t time = wrap - 20 * 1920 + step * 1920;
        muxer.write(0, {time, time, true, pieces}, out);
        const ts::Stream stream = ts::read(out, counters);
        fail_unless_equals_int(stream.pcr_pid, 0x101);
        fail_unless_equals_uint64(stream.units.at(0).pts, time % wrap);
        fail_unless_equals_uint64(*stream.units.at(0).pcr, (time - pcr_lead) % wrap);
    }
}
GST_END_TEST

GST_START_TEST(test_large_picture) {
    Muxer muxer;
    muxer.set_tracks({both[0]});
    std::vector<uint8_t> out;
    muxer.write_tables(out);
    const auto bytes = pattern(300'000);
    const ByteView pieces[] = {bytes};
    muxer.write(0, {9000, 9000, true, pieces}, out);
    const ts::Stream stream = ts::read(out);
    fail_unless(stream.units.at(0).payload == bytes);
    // The overhead: four bytes in 188, and one PES header.
    fail_unless(out.size() < bytes.size() * 188 / 184 + 4 * 188);
}
GST_END_TEST

static Suite *mpegts_suite() {
    Suite *s = suite_create("mpegts");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_crc);
    tcase_add_test(tc, test_tables_golden);
    tcase_add_test(tc, test_pes_golden);
    tcase_add_test(tc, test_every_size);
    tcase_add_test(tc, test_wrap_and_continuity);
    tcase_add_test(tc, test_large_picture);
    return s;
}
GST_CHECK_MAIN(mpegts)
