// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/main_loop.h"

#include <atomic>

namespace penstock::supervisor {
namespace {

gboolean run(gpointer task) {
    (*static_cast<Task *>(task))();
    return G_SOURCE_REMOVE;
}

void destroy(gpointer task) {
    delete static_cast<Task *>(task);
}

/// A task of another thread. GLib's locks hand it over; the flag does so once more, since
/// ThreadSanitizer does not see GLib's.
struct Posted {
    Task task;
    std::atomic<bool> is_complete{false};
};

gboolean run_posted(gpointer posted) {
    auto *const work = static_cast<Posted *>(posted);
    if (work->is_complete.load(std::memory_order_acquire)) work->task();
    return G_SOURCE_REMOVE;
}

void destroy_posted(gpointer posted) {
    delete static_cast<Posted *>(posted);
}

class GlibClock final : public LoopClock {
public:
    int64_t now() override { return g_get_monotonic_time(); }
    unsigned add(unsigned milliseconds, Task task) override {
        return g_timeout_add_full(G_PRIORITY_DEFAULT, milliseconds, run, new Task(std::move(task)),
                                  destroy);
    }
    void remove(unsigned id) override { g_source_remove(id); }
};

GlibClock glib_clock;
LoopClock *current = &glib_clock;

} // namespace

void post(Task task) {
    auto *const posted = new Posted{.task = std::move(task)};
    posted->is_complete.store(true, std::memory_order_release);
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, run_posted, posted, destroy_posted);
    g_source_attach(source, nullptr);
    g_source_unref(source);
}

LoopClock &loop_clock() {
    return *current;
}

void set_loop_clock(LoopClock *clock) {
    current = clock ? clock : &glib_clock;
}

void Timer::start(unsigned milliseconds, Task task) {
    cancel();
    clock_ = current;
    id_ = clock_->add(milliseconds, [this, task = std::move(task)] {
        id_ = 0; // reset first: the task may restart or destroy the timer
        task();
    });
}

void Timer::cancel() {
    if (id_) clock_->remove(std::exchange(id_, 0));
}

} // namespace penstock::supervisor
