// SPDX-License-Identifier: LGPL-2.1-or-later
// The push queue: its bound, pauses and its end, and real threads.
#include "gst/push_queue.h"

#include "check.hpp"

using penstock::PushNext;
using Queue = penstock::PushQueue<int>;

GST_START_TEST(test_room) {
    Queue queue;
    int item = 0;
    bool room = false;
    fail_if(queue.put(1, 1)); // nobody has opened it
    queue.open(false, 100);
    queue.set_playing(true);
    fail_unless(queue.put(1, 60));
    fail_unless(queue.has_room());
    fail_unless(queue.put(2, 60));
    fail_if(queue.has_room());
    fail_if(queue.begin()); // the opener has the turn
    fail_unless(queue.release() == PushNext::item);
    fail_unless(queue.begin());
    fail_unless(queue.next(item, room) == PushNext::item);
    fail_unless(item == 1);
    fail_if(room); // 60 of 100 are left
    fail_if(queue.has_room());
    fail_unless(queue.next(item, room) == PushNext::item);
    fail_unless(item == 2);
    fail_unless(room);
    fail_unless(queue.has_room());
    fail_unless(queue.next(item, room) == PushNext::nothing);
    queue.close();
    queue.wait_idle();
}
GST_END_TEST

GST_START_TEST(test_nothing_is_taken_while_paused_or_after_the_end) {
    Queue queue;
    int item = 0;
    bool room = false;
    queue.open(false, 100);
    fail_unless(queue.release() == PushNext::nothing);
    queue.put(1, 1);
    queue.put(2, 1);
    queue.put(3, 1);
    fail_if(queue.begin());
    fail_unless(queue.set_playing(true));
    fail_unless(queue.begin());
    fail_if(queue.set_playing(true)); // the one that has the turn goes on
    fail_unless(queue.next(item, room) == PushNext::item);
    queue.set_playing(false);
    fail_unless(queue.next(item, room) == PushNext::nothing);
    fail_unless(queue.set_playing(true));
    fail_unless(queue.begin());
    fail_unless(queue.next(item, room) == PushNext::item);
    fail_unless(item == 2);
    queue.end();
    fail_unless(queue.next(item, room) == PushNext::nothing);
    fail_if(queue.begin());
    // The next use begins with an empty queue.
    queue.close();
    queue.wait_idle();
    queue.open(false, 100);
    fail_unless(queue.release() == PushNext::nothing);
}
GST_END_TEST

GST_START_TEST(test_real_threads) {
    // Four threads bring items, one of them lets a task take over midway; ThreadSanitizer checks
    // it.
    constexpr int each = 3000, bringers = 4;
    Queue queue;
    std::recursive_mutex stream_lock;
    std::vector<int> pushed;
    std::thread task;
    std::mutex task_mutex;
    const auto start_task = [&] {
        std::lock_guard lock(task_mutex);
        fail_if(task.joinable());
        task = std::thread([&] {
            std::lock_guard stream(stream_lock);
            int item = 0;
            for (bool room = false; queue.wait(item, room);)
                pushed.push_back(item);
        });
        queue.hand_to_task();
    };
    const auto push_queued = [&](const int *own) {
        int item = 0;
        bool room = false;
        PushNext next;
        {
            std::lock_guard stream(stream_lock);
            if (own) pushed.push_back(*own);
            while ((next = queue.next(item, room)) == PushNext::item)
                pushed.push_back(item);
        }
        if (next == PushNext::task) start_task();
    };
    for (const bool with_task : {false, true}) {
        pushed.clear();
        queue.open(false, SIZE_MAX);
        queue.set_playing(true);
        fail_unless(queue.release() == PushNext::nothing);
        std::vector<std::thread> threads;
        std::atomic<int> brought = 0;
        for (int id = 0; id < bringers; ++id)
            threads.emplace_back([&, id] {
                for (int i = 0; i < each; ++i) {
                    const int item = id * each + i;
                    if (queue.begin_with_own()) {
                        push_queued(&item);
                    } else {
                        fail_unless(queue.put(int(item), 1));
                        if (queue.begin()) push_queued(nullptr);
                    }
                    if (++brought == each && with_task && queue.want_task()) start_task();
                }
            });
        for (std::thread &thread : threads)
            thread.join();
        if (with_task) {
            const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
            while (queue.bytes() > 0 && std::chrono::steady_clock::now() < deadline)
                std::this_thread::yield();
        }
        fail_unless(queue.bytes() == 0); // without a task, nothing stays behind
        queue.close();
        if (task.joinable()) task.join();
        queue.wait_idle();
        fail_unless(pushed.size() == size_t(each * bringers));
        std::array<int, bringers> last{-1, -1, -1, -1};
        for (const int item : pushed) {
            int &before = last[size_t(item / each)];
            fail_unless(item % each == before + 1);
            before = item % each;
        }
    }
}
GST_END_TEST

static Suite *push_queue_suite() {
    Suite *s = suite_create("push_queue");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_room);
    tcase_add_test(tc, test_nothing_is_taken_while_paused_or_after_the_end);
    tcase_add_test(tc, test_real_threads);
    return s;
}
GST_CHECK_MAIN(push_queue)
