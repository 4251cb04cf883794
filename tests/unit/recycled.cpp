// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory of small objects that is kept for the next ones: by whom, how much, and until when.
#include "core/bytes/recycled.h"
#include "core/bytes/bytes.h"

#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "check.hpp"

using namespace penstock;

namespace {

using Blocks = Recycled<48>;

/// Takes blocks, writes to all of each, and gives them back.
void use(size_t count) {
    std::set<void *> blocks;
    for (size_t i = 0; i < count; ++i) {
        void *block = Blocks::take();
        std::memset(block, 0xA5, 48);
        fail_unless(blocks.insert(block).second, "a block is given twice");
    }
    for (void *block : blocks)
        Blocks::give(block);
}

} // namespace

GST_START_TEST(test_a_block_comes_back) {
    if (!PENSTOCK_RECYCLES) return; // a sanitizer looks on
    void *block = Blocks::take();
    Blocks::give(block);
    void *again = Blocks::take();
    fail_unless(again == block);
    Blocks::give(again);
}
GST_END_TEST

GST_START_TEST(test_more_than_is_kept) {
    use(2000);
    use(2000);
}
GST_END_TEST

GST_START_TEST(test_small_blocks_have_room_for_the_list) {
    void *one = Recycled<1>::take();
    void *other = Recycled<1>::take();
    fail_unless(one != other);
    Recycled<1>::give(one);
    Recycled<1>::give(other);
}
GST_END_TEST

GST_START_TEST(test_blocks_pass_between_threads) {
    // One takes, the other gives back; both end with blocks of their own and the other's.
    std::vector<void *> blocks;
    for (int round = 0; round < 3; ++round) {
        std::thread([&] {
            for (int i = 0; i < 700; ++i)
                blocks.push_back(Blocks::take());
        }).join();
        std::thread([&] {
            for (void *block : blocks)
                Blocks::give(block);
            use(10);
        }).join();
        blocks.clear();
    }
}
GST_END_TEST

namespace {

/// Gives its block back when its thread has almost ended, behind everything made after it.
struct Late {
    void *block = nullptr;
    ~Late() {
        if (block) Blocks::give(block);
    }
};
thread_local Late late;

} // namespace

GST_START_TEST(test_a_block_that_comes_back_after_the_thread_s_list) {
    std::thread([] {
        late.block = Blocks::take();
        use(3); // the list is made after `late`, and ends before it
    }).join();
}
GST_END_TEST

GST_START_TEST(test_bytes_outlive_their_thread) {
    Bytes bytes;
    std::thread([&] { bytes = Bytes::copy_of("some bytes"); }).join();
    fail_unless(bytes.size() == 10 && bytes[9] == 's');
    bytes = {};
}
GST_END_TEST

static Suite *recycled_suite() {
    Suite *suite = suite_create("recycled");
    TCase *tc = tcase_create("general");
    tcase_add_test(tc, test_a_block_comes_back);
    tcase_add_test(tc, test_more_than_is_kept);
    tcase_add_test(tc, test_small_blocks_have_room_for_the_list);
    tcase_add_test(tc, test_blocks_pass_between_threads);
    tcase_add_test(tc, test_a_block_that_comes_back_after_the_thread_s_list);
    tcase_add_test(tc, test_bytes_outlive_their_thread);
    suite_add_tcase(suite, tc);
    return suite;
}

GST_CHECK_MAIN(recycled)
