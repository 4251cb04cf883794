// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/teardown.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace penstock::supervisor {
namespace {

struct Pending {
    std::mutex lock;
    std::condition_variable changed;
    int count = 0;
};

/// Never destroyed: what was left behind may still end while the program does.
Pending &pending() {
    static auto *all = new Pending;
    return *all;
}

struct Teardown {
    GstPtr<GstElement> pipeline;
    std::function<void(GstPtr<GstElement>)> down;
};

} // namespace

void take_down(GstPtr<GstElement> pipeline, std::function<void(GstPtr<GstElement>)> down) {
    {
        std::lock_guard lock(pending().lock);
        ++pending().count;
    }
    // Not the pipeline itself as the call's element: GStreamer keeps that one beyond the call.
    const auto carrier =
        GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_bin_new(nullptr))));
    gst_element_call_async(
        carrier.get(),
        [](GstElement *, gpointer data) {
            auto &[held, is_down] = *static_cast<Teardown *>(data);
            gst_element_set_state(held.get(), GST_STATE_NULL);
            if (is_down) std::exchange(is_down, {})(std::move(held));
            held = {};
            std::lock_guard lock(pending().lock);
            --pending().count;
            pending().changed.notify_all();
        },
        new Teardown{std::move(pipeline), std::move(down)},
        [](gpointer data) { delete static_cast<Teardown *>(data); });
}

bool wait_for_teardowns(int64_t longest) {
    std::unique_lock lock(pending().lock);
    return pending().changed.wait_for(lock, std::chrono::microseconds(longest),
                                      [] { return pending().count == 0; });
}

} // namespace penstock::supervisor
