// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/teardown.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace penstock::supervisor {
namespace {

struct Pending {
    std::mutex lock;
    std::condition_variable changed;
    int count = 0;
};

/// Never destroyed: pipelines left behind may still end while the program does.
Pending &pending() {
    static auto *all = new Pending;
    return *all;
}

} // namespace

void take_down(GstPtr<GstElement> pipeline, std::function<void(GstPtr<GstElement>)> down) {
    {
        std::lock_guard lock(pending().lock);
        ++pending().count;
    }
    std::thread([pipeline = std::move(pipeline), down = std::move(down)]() mutable {
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
        if (down) std::exchange(down, {})(std::move(pipeline));
        pipeline = {};
        std::lock_guard lock(pending().lock);
        --pending().count;
        pending().changed.notify_all();
    }).detach();
}

bool wait_for_teardowns(int64_t longest) {
    std::unique_lock lock(pending().lock);
    return pending().changed.wait_for(lock, std::chrono::microseconds(longest),
                                      [] { return pending().count == 0; });
}

} // namespace penstock::supervisor
