// SPDX-License-Identifier: LGPL-2.1-or-later
// GLib's default main loop, and work for it from any thread.
#pragma once

#include <glib.h>

#include <functional>
#include <memory>
#include <utility>

namespace penstock::supervisor {

using Task = std::function<void()>;

struct MainLoopUnref {
    void operator()(GMainLoop *loop) const { g_main_loop_unref(loop); }
};
using MainLoop = std::unique_ptr<GMainLoop, MainLoopUnref>;

/// Runs `task` on the main loop, never inside this call.
inline void post(Task task) {
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(
        source,
        [](gpointer data) -> gboolean {
            (*static_cast<Task *>(data))();
            return G_SOURCE_REMOVE;
        },
        new Task(std::move(task)), [](gpointer data) { delete static_cast<Task *>(data); });
    g_source_attach(source, nullptr);
    g_source_unref(source);
}

/// One timeout on the main loop; cancelled when destroyed.
class Timer {
public:
    Timer() = default;
    Timer(const Timer &) = delete;
    Timer &operator=(const Timer &) = delete;
    ~Timer() { cancel(); }

    /// `task` may start the timer again or destroy it.
    void start(guint milliseconds, Task task) {
        cancel();
        task_ = std::move(task);
        id_ = g_timeout_add(
            milliseconds,
            [](gpointer data) -> gboolean {
                auto *timer = static_cast<Timer *>(data);
                timer->id_ = 0;
                const Task due = std::move(timer->task_);
                due();
                return G_SOURCE_REMOVE;
            },
            this);
    }
    void cancel() {
        if (id_) g_source_remove(std::exchange(id_, 0));
    }
    bool is_running() const { return id_ != 0; }

private:
    guint id_ = 0;
    Task task_;
};

} // namespace penstock::supervisor
