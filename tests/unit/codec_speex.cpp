// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of Speex packets.
#include "core/codec/speex.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using codec::count_speex_frames;
using samples::from_hex;

// Packets written by libspeex: wideband, one frame and two.
GST_START_TEST(test_real_packets) {
    const auto one =
        from_hex("30549822d0035d689835dd38e8c820d3f8b37ea83a5707b6ad25383ae5d3b3408e27add29c1b0930"
                 "6012562df96b3860ababababab0ababababab0ababababab0ababababab7");
    const auto two =
        from_hex("30548220d0941c9c80f868c828e8b5d39aca7094611c7c145c65513b4fac9bf65a323a3287a06f40"
                 "61ed1719191b3860ababababab0ababababab0ababababab0ababababab30549822d0b97d149128f"
                 "8b5b082085c6ca99a64131494757f657697a813bd3b9a307212bb2ce0112a431c1f1ddb3860ababa"
                 "babab0ababababab0ababababab0ababababab");
    fail_unless_equals_int(count_speex_frames(one), 1);
    fail_unless_equals_int(count_speex_frames(two), 2);
    // A truncated packet has no further frame.
    for (size_t size = 0; size < two.size(); ++size)
        fail_unless(count_speex_frames(ByteView(two).first(size)) <= 2);
}
GST_END_TEST

GST_START_TEST(test_small_and_broken) {
    fail_unless_equals_int(count_speex_frames(from_hex("07")), 1); // 5 bits of silence, filling
    fail_unless_equals_int(count_speex_frames(from_hex("")), 0);
    fail_unless_equals_int(count_speex_frames(from_hex("7f")), 0);       // the terminator at once
    fail_unless_equals_int(count_speex_frames(from_hex("48000000")), 0); // a reserved mode
    fail_unless_equals_int(count_speex_frames(from_hex("f8000000")), 0); // no narrowband layer
    const std::vector<uint8_t> silence(1000);
    fail_unless_equals_int(count_speex_frames(silence), 255);
}
GST_END_TEST

static Suite *codec_speex_suite() {
    Suite *s = suite_create("codec_speex");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_real_packets);
    tcase_add_test(tc, test_small_and_broken);
    return s;
}
GST_CHECK_MAIN(codec_speex)
