// SPDX-License-Identifier: LGPL-2.1-or-later
// The queue and the thread of a DiskWriter.
#include "core/net/http/hls/disk_writer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

namespace penstock::net {
namespace {

using Clock = std::chrono::steady_clock;

std::string seconds(Clock::duration time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

} // namespace

/// State shared with the thread.
struct DiskWriter::State {
    Write write;
    Options options;

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<hls::Segment> queue;
    size_t bytes = 0;
    bool end_wanted = false, closed = false, cancelled = false;
    bool interrupted = false; ///< the next segment follows a lost one
    bool busy = false;
    Clock::time_point progress = Clock::now(); ///< when the last write began or ended
    bool slow_reported = false, full_reported = false;
    std::vector<std::string> reports;
    uint64_t lost = 0;
    bool has_failed = false;
    std::atomic<bool> active{false}; ///< take_reports() may return something

    bool idle() const { return !busy && queue.empty() && !end_wanted; }
    /// The segments of all renditions come at once, so each rendition has room of its own.
    bool full(const hls::Segment &segment) const {
        if (queue.empty()) return false;
        const auto same = std::count_if(queue.begin(), queue.end(), [&](const auto &queued) {
            return queued.rendition == segment.rendition;
        });
        return size_t(same) >= options.max_segments ||
               bytes + segment.data.size() > options.max_bytes;
    }
    void report(std::string text) {
        if (reports.size() < 16) reports.push_back(std::move(text));
    }
    void lose(size_t count) {
        lost += count;
        interrupted = true;
        has_failed |= count > 0;
    }
};

DiskWriter::DiskWriter(Write write, const Options &options) : state_(std::make_shared<State>()) {
    state_->write = std::move(write);
    state_->options = options;
    thread_ = std::thread(run, state_);
}

DiskWriter::~DiskWriter() {
    bool busy = false;
    {
        std::lock_guard lock(state_->mutex);
        state_->closed = true;
        state_->queue.clear();
        state_->changed.notify_all();
        busy = state_->busy;
    }
    // A thread that is blocked in a write can't be joined.
    busy ? thread_.detach() : thread_.join();
}

void DiskWriter::run(const std::shared_ptr<State> &state) {
    State &s = *state;
    std::unique_lock lock(s.mutex);
    for (;;) {
        s.changed.wait(lock, [&] { return s.closed || !s.queue.empty() || s.end_wanted; });
        if (s.closed) return;
        std::optional<hls::Segment> segment;
        if (!s.queue.empty()) {
            segment = std::move(s.queue.front());
            s.queue.pop_front();
            s.bytes -= segment->data.size();
        }
        s.busy = true;
        s.progress = Clock::now();
        s.changed.notify_all();
        lock.unlock();
        Result result = Result::ok();
        try {
            result = s.write(segment ? &*segment : nullptr);
        } catch (const std::exception &error) {
            result = Result::error(error.what());
        }
        lock.lock();
        if (s.slow_reported)
            s.report("the disk has taken a segment again, after " +
                     seconds(Clock::now() - s.progress));
        s.busy = s.slow_reported = s.full_reported = false;
        s.progress = Clock::now();
        if (!segment) s.end_wanted = false;
        if (result.is_error()) {
            s.report(result.reason());
            s.has_failed = true;
            if (segment) s.lose(1);
        }
        s.active = !s.idle() || !s.reports.empty();
        s.changed.notify_all();
    }
}

void DiskWriter::add(hls::Segment segment, bool may_wait) {
    State &s = *state_;
    std::unique_lock lock(s.mutex);
    const size_t size = segment.data.size();
    if (may_wait) s.changed.wait(lock, [&] { return s.cancelled || !s.full(segment); });
    s.active = true;
    if (s.full(segment)) {
        s.lose(1);
        if (!std::exchange(s.full_reported, true))
            s.report("the disk has taken nothing for " + seconds(Clock::now() - s.progress) +
                     ": segments are lost, since " + std::to_string(s.queue.size()) +
                     " are waiting already");
        return;
    }
    segment.discontinuity = std::exchange(s.interrupted, false) || segment.discontinuity;
    if (s.idle()) s.progress = Clock::now();
    s.bytes += size;
    s.queue.push_back(std::move(segment));
    s.changed.notify_all();
}

void DiskWriter::cancel() {
    std::lock_guard lock(state_->mutex);
    state_->cancelled = true;
    state_->changed.notify_all();
}

bool DiskWriter::drain() {
    State &s = *state_;
    std::unique_lock lock(s.mutex);
    while (!s.idle()) {
        const auto deadline = s.progress + s.options.patience;
        if (s.changed.wait_until(lock, deadline) == std::cv_status::no_timeout) continue;
        if (s.idle() || Clock::now() < s.progress + s.options.patience) continue;
        s.report("the disk has taken nothing for " + seconds(Clock::now() - s.progress) + ": " +
                 std::to_string(s.queue.size() + s.busy) + " segments may not be written");
        s.active = true;
        return false;
    }
    return true;
}

void DiskWriter::end() {
    {
        std::lock_guard lock(state_->mutex);
        if (state_->idle()) state_->progress = Clock::now();
        state_->end_wanted = true;
        state_->changed.notify_all();
    }
    if (drain()) return;
    std::lock_guard lock(state_->mutex);
    state_->lose(state_->queue.size());
    state_->queue.clear();
    state_->bytes = 0;
}

std::vector<std::string> DiskWriter::take_reports() {
    State &s = *state_;
    if (!s.active) return {};
    std::lock_guard lock(s.mutex);
    if (s.busy && !s.slow_reported && Clock::now() - s.progress > s.options.slow) {
        s.slow_reported = true;
        s.report("the disk has taken nothing for " + seconds(Clock::now() - s.progress) +
                 ": segments wait in memory");
    }
    auto reports = std::exchange(s.reports, {});
    s.active = !s.idle();
    return reports;
}

uint64_t DiskWriter::lost() const {
    std::lock_guard lock(state_->mutex);
    return state_->lost;
}

bool DiskWriter::has_failed() const {
    std::lock_guard lock(state_->mutex);
    return state_->has_failed;
}

} // namespace penstock::net
