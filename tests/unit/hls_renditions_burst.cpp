// SPDX-License-Identifier: LGPL-2.1-or-later
// Renditions of which one is encoded from another, that begins with a cached GOP.
#include "unit/hls_renditions_rig.hpp"

using namespace rig;

// One rendition is encoded from another, which begins with several cached seconds at once.
GST_START_TEST(test_burst) {
    Renditions r;
    Lane high{.track = r.track(Kind::video, "video_0", cmaf_video(0x1E))};
    Lane low{.track = r.track(Kind::video, "video_1", nullptr)};
    const auto awaited = [&] { return r.presentation->expected()[1].is_awaited; };
    r.is_held = true;
    run(r, {&high}, sec, 6 * sec);
    fail_unless(awaited());
    r.presentation->set_format(low.track, cmaf_video(0x0D));
    run(r, {&low}, sec, 6 * sec);
    r.is_held = false;
    run(r, {&high, &low}, 6 * sec, 9 * sec);
    r.finish();
    r.assert_conforms("burst");
    const auto list = conformance::read(text_of(r.at("video_1").stream.playlist()));
    const auto beside = conformance::read(text_of(r.at("video_0").stream.playlist()));
    fail_unless_equals_int(list.media_sequence, beside.media_sequence);
    fail_unless_equals_int(list.segments.size(), beside.segments.size());
    fail_unless_equals_int(r.at("video_1").gaps(), r.at("video_0").gaps());
}
GST_END_TEST

static Suite *hls_renditions_burst_suite() {
    Suite *s = suite_create("hls_renditions_burst");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_burst);
    return s;
}
GST_CHECK_MAIN(hls_renditions_burst)
