// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/alarm.h"

#include "gst/ptr.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace penstock {

/// Outlives the alarm while the clock holds a timer of it.
struct Alarm::State {
    std::mutex lock; ///< held while it rings
    std::function<void()> ring;
    GstClockID timer = nullptr; ///< null: not set
    Steady::time_point when;
};

struct Alarm::Timer {
    std::shared_ptr<State> state;

    static gboolean is_over(GstClock *, GstClockTime, GstClockID id, gpointer data) noexcept {
        State &state = *static_cast<Timer *>(data)->state;
        std::lock_guard lock(state.lock);
        if (state.timer != id) return TRUE; // cancelled, or set to another time
        gst_clock_id_unref(std::exchange(state.timer, nullptr));
        state.ring();
        return TRUE;
    }
    static void forget(gpointer data) noexcept { delete static_cast<Timer *>(data); }
};

Alarm::Alarm(std::function<void()> ring) : state_(std::make_shared<State>()) {
    state_->ring = std::move(ring);
}

Alarm::~Alarm() {
    cancel();
}

void Alarm::set(Steady::time_point when) {
    std::lock_guard lock(state_->lock);
    if (state_->timer && state_->when == when) return;
    disarm();
    const auto left = std::chrono::nanoseconds(when - Steady::now()).count();
    const auto clock = GstPtr<GstClock>::adopt(gst_system_clock_obtain());
    state_->when = when;
    state_->timer = gst_clock_new_single_shot_id(
        clock.get(), gst_clock_get_time(clock.get()) + GstClockTime(std::max<int64_t>(left, 0)));
    gst_clock_id_wait_async(state_->timer, Timer::is_over, new Timer{state_}, Timer::forget);
}

void Alarm::cancel() {
    std::lock_guard lock(state_->lock);
    disarm();
}

void Alarm::ring_now() {
    std::lock_guard lock(state_->lock);
    if (!state_->timer) return;
    disarm();
    state_->ring();
}

// Called under the lock.
void Alarm::disarm() {
    if (!state_->timer) return;
    gst_clock_id_unschedule(state_->timer);
    gst_clock_id_unref(std::exchange(state_->timer, nullptr));
}

} // namespace penstock
