// SPDX-License-Identifier: LGPL-2.1-or-later
// SCTE 35 sections: the samples of the standard, adjustment, and sections that are damaged.
#include "core/scte35/section.h"

#include "unit/scte35_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::scte35;
using rig::from_hex;

GST_START_TEST(test_samples) {
    Section s;
    fail_unless(parse(from_hex(rig::opportunity_start), s).is_ok());
    fail_unless(s.command == Command::time_signal && s.time == 0x072BD0050u);
    fail_unless(s.segmentations.size() == 1);
    const Segmentation &start = s.segmentations[0];
    fail_unless(start.event_id == 0x4800008E && start.type == 0x34 && start.is_out() &&
                !start.is_in());
    fail_unless(start.duration == 307u * 90'000, "%d", int(start.duration.value_or(0)));

    fail_unless(parse(from_hex(rig::splice_insert), s).is_ok());
    fail_unless(s.command == Command::insert && s.event_id == 0x4800008F && s.is_out &&
                s.auto_return && !s.is_cancelled);
    fail_unless(s.time == 0x07369C02Eu && s.duration == 0x00052CCF5u);
    fail_unless(s.segmentations.empty()); // an avail_descriptor

    fail_unless(parse(from_hex(rig::opportunity_end), s).is_ok());
    fail_unless(s.segmentations.size() == 1 && s.segmentations[0].is_in() &&
                !s.segmentations[0].is_out() && !s.segmentations[0].duration);

    fail_unless(parse(from_hex(rig::program_change), s).is_ok());
    fail_unless(s.segmentations.size() == 2 && s.segmentations[0].type == 0x11 &&
                s.segmentations[1].type == 0x10);
    for (const Segmentation &one : s.segmentations)
        fail_unless(!one.is_in() && !one.is_out()); // programs are not breaks
}
GST_END_TEST

GST_START_TEST(test_inserts) {
    Section s;
    // Times wrap with the adjustment.
    fail_unless(parse(rig::section_of(rig::Insert{.event = 7,
                                                  .time = time_mask,
                                                  .duration = uint64_t(1) << 32,
                                                  .adjustment = 90'001}),
                      s)
                    .is_ok());
    fail_unless(s.time == 90'000u && s.duration == uint64_t(1) << 32 && !s.auto_return);
    fail_unless(parse(rig::section_of(rig::Insert{.is_out = false}), s).is_ok());
    fail_unless(!s.time && !s.is_out && !s.duration);
    fail_unless(parse(rig::section_of(rig::Insert{.event = 9, .is_cancelled = true}), s).is_ok());
    fail_unless(s.is_cancelled && s.event_id == 9);
    fail_unless(parse(rig::section_of(0x00, {}), s).is_ok() && s.command == Command::null);
}
GST_END_TEST

GST_START_TEST(test_damaged) {
    for (const std::string_view sample :
         {rig::opportunity_start, rig::splice_insert, rig::program_change}) {
        const Bytes whole = from_hex(sample);
        Section s;
        for (size_t size = 0; size < whole.size(); ++size)
            fail_unless(parse(whole.sub(0, size), s).is_error());
        for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
            std::vector<uint8_t> bytes(whole.begin(), whole.end());
            bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1 << bit % 8);
            fail_unless(parse(bytes, s).is_error(), "bit %zu", bit);
        }
    }
    // A command that claims more than is there, with a CRC that is right.
    Section s;
    fail_unless(parse(rig::section_of(0x05, {0, 0, 0, 1, 0x7F}), s).is_error());
    fail_unless(parse(rig::section_of(0x06, {0xFE, 0}), s).is_error());
    fail_unless(s.segmentations.empty() && !s.time);
}
GST_END_TEST

static Suite *scte35_suite() {
    Suite *s = suite_create("scte35");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_samples);
    tcase_add_test(tc, test_inserts);
    tcase_add_test(tc, test_damaged);
    return s;
}
GST_CHECK_MAIN(scte35)
