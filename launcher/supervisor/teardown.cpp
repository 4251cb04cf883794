// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/teardown.h"

#include "core/net/loop/thread.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include <malloc.h>

namespace penstock::supervisor {
namespace {

struct Pending {
    std::mutex lock;
    std::condition_variable changed;
    int count = 0;
    bool gives_memory_back = false;
    int trims_left = 0; ///< above 0 while the trim timer runs
};

/// Never destroyed, because abandoned pipelines may still end during program exit.
Pending &pending() {
    static auto *all = new Pending;
    return *all;
}

/// Seconds between trims. HLS keeps a stream's segments for a minute after its pipeline ended; the
/// last trim comes after that.
constexpr guint trim_interval = 20;
constexpr int trims = 5;

gboolean trim(gpointer) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    std::lock_guard lock(pending().lock);
    return --pending().trims_left > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

struct Work {
    GstPtr<GstElement> pipeline;
    std::function<void(GstPtr<GstElement>)> down;

    void operator()() {
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
        if (down) std::exchange(down, {})(std::move(pipeline));
        pipeline = {};
        Pending &all = pending();
        std::lock_guard lock(all.lock);
        --all.count;
        if (all.gives_memory_back && std::exchange(all.trims_left, trims) == 0)
            g_timeout_add_seconds(trim_interval, trim, nullptr);
        all.changed.notify_all();
    }
};

} // namespace

void take_down(GstPtr<GstElement> pipeline, std::function<void(GstPtr<GstElement>)> down) {
    {
        std::lock_guard lock(pending().lock);
        ++pending().count;
    }
    const auto work = std::make_shared<Work>(Work{std::move(pipeline), std::move(down)});
    if (auto thread = net::start_thread([work] { (*work)(); }); thread.joinable())
        thread.detach();
    else
        (*work)(); // blocking is better than leaving the pipeline running
}

void give_memory_back() {
    std::lock_guard lock(pending().lock);
    pending().gives_memory_back = true;
}

bool wait_for_teardowns(int64_t longest) {
    std::unique_lock lock(pending().lock);
    return pending().changed.wait_for(lock, std::chrono::microseconds(longest),
                                      [] { return pending().count == 0; });
}

} // namespace penstock::supervisor
