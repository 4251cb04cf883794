// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gop/branch.h"

#include "gst/guard.h"
#include "gst/nonblocking.h"

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <set>
#include <string>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_gop_tee_debug);
#define GST_CAT_DEFAULT penstock_gop_tee_debug

namespace penstock::gop {
namespace {

// A longer timestamp step is a jump and does not count as queued media; ns.
constexpr uint64_t longest_step = GST_SECOND;
// Limit of events that accumulate for a stuck branch without any buffer.
constexpr size_t most_events = 1000;

std::string name_of(GstPad *pad) {
    return GOwned<>(gst_pad_get_name(pad)).get();
}

} // namespace

Item Item::of(GstEvent *event) {
    Item item;
    item.object = GstPtr<GstMiniObject>::ref(GST_MINI_OBJECT_CAST(event));
    return item;
}

Item Item::of(GstBuffer *buffer, uint64_t time) {
    Item item;
    item.object = GstPtr<GstMiniObject>::ref(GST_MINI_OBJECT_CAST(buffer));
    item.size = gst_buffer_get_size(buffer);
    item.time = time;
    return item;
}

Branch::Branch(GstElement *tee, GstPad *pad, std::shared_ptr<Totals> totals, Failed failed,
               bool remote)
    : tee_(tee), pad_(GstPtr<GstPad>::ref(pad)), name_(name_of(pad)), totals_(std::move(totals)),
      failed_(std::move(failed)), remote_(remote) {
}

void Branch::decide() {
    can_begin_ = false;
    if (!is_undecided()) return;
    State state = state_;
    {
        std::lock_guard lock(lock_);
        if (flushing_ || stopped_) return;
    }
    const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad_.get()));
    if (state == State::failed) {
        // A failed branch can restart once it is linked to another pad.
        if (peer && peer.get() == failed_peer_) return;
        std::lock_guard lock(lock_);
        if (state_ == State::failed) state_ = State::idle;
        state = state_;
    }
    if (!peer || !gst_pad_is_active(pad_.get()) || !gst_pad_is_active(peer.get())) return;
    failed_peer_ = peer.get();
    ask_ = false;
    const bool nonblocking = peer_is_nonblocking(pad_.get());
    can_begin_ = state == State::idle;

    std::thread ended;
    {
        std::lock_guard lock(lock_);
        if (nonblocking == direct_ || stopped_) return;
        if (nonblocking && (!queue_.empty() || pushing_ > 0)) {
            ask_ = true; // queued items go first
            return;
        }
        direct_ = nonblocking;
        if (!nonblocking || !thread_.joinable()) return;
        ended = std::exchange(thread_, std::thread());
        ++run_;
        changed_.notify_all();
    }
    ended.join(); // it was waiting
}

void Branch::begin() {
    std::lock_guard lock(lock_);
    clear_locked();
    can_begin_ = false;
    state_ = State::running;
}

void Branch::enqueue(Item item, const QueueLimits &limits, const std::vector<Item> &lead) {
    std::lock_guard lock(lock_);
    if (state_ != State::running || flushing_ || stopped_) return;
    if (skipping_ && !item.is_event()) {
        if (!item.key) {
            ++drops_;
            ++totals_->drops;
            return;
        }
        skipping_ = false;
        item.discont = true;
        for (const Item &header : lead) {
            append_locked(header);
            queue_.back().discont = std::exchange(item.discont, false);
        }
    }
    append_locked(std::move(item));
    // The first trim may keep the newest GOP, which may itself exceed a bound.
    for (int i = 0; i < 2 && over_locked(limits); ++i)
        trim_locked();
    run_thread_locked();
    changed_.notify_all();
}

void Branch::append_locked(Item item) {
    if (item.is_event()) {
        ++queued_events_;
    } else {
        if (newest_time_ == GST_CLOCK_TIME_NONE || item.time + longest_step < newest_time_) {
            newest_time_ = item.time;
        } else if (item.time > newest_time_) {
            item.span = std::min(item.time - newest_time_, longest_step);
            newest_time_ = item.time;
        }
        if (!item.burst) {
            queued_bytes_ += item.size;
            queued_time_ += item.span;
            ++queued_buffers_;
        }
    }
    queue_.push_back(std::move(item));
}

Item Branch::take_locked() {
    Item item = std::move(queue_.front());
    queue_.pop_front();
    if (item.is_event()) {
        --queued_events_;
    } else if (!item.burst) {
        queued_bytes_ -= item.size;
        queued_time_ -= item.span;
        --queued_buffers_;
    }
    return item;
}

bool Branch::over_locked(const QueueLimits &limits) const {
    return (limits.time && queued_time_ > limits.time) ||
           (limits.bytes && queued_bytes_ > limits.bytes) ||
           (limits.buffers && queued_buffers_ > limits.buffers) || queued_events_ > most_events;
}

// Drops everything before the newest keyframe in the queue; if that is the oldest buffer,
// everything. Keeps what readers need in any case: the newest of each sticky event and of each
// piece of configuration.
void Branch::trim_locked() {
    size_t key = queue_.size();
    while (key > 0 && !queue_[key - 1].key)
        --key;
    size_t from = key > 0 ? key - 1 : 0; // the newest keyframe, if key > 0
    while (key > 0 && from > 0 && queue_[from - 1].header && !queue_[from - 1].slot)
        --from;
    bool before = false;
    for (size_t i = 0; i < from && !before; ++i)
        before = !queue_[i].is_event() && !queue_[i].slot;
    if (!before) {
        from = queue_.size();
        skipping_ = true;
    }

    std::deque<Item> kept;
    std::set<std::pair<unsigned, std::string>> seen;
    for (size_t i = queue_.size(); i-- > 0;) {
        Item &item = queue_[i];
        bool keep = i >= from;
        if (!keep && item.is_event() && has_flag(item.event(), GST_EVENT_TYPE_STICKY)) {
            const GstStructure *s = gst_event_get_structure(item.event());
            const bool multi = has_flag(item.event(), GST_EVENT_TYPE_STICKY_MULTI);
            keep = seen.emplace(GST_EVENT_TYPE(item.event()),
                                multi && s ? gst_structure_get_name(s) : "")
                       .second;
        } else if (!keep && item.slot) {
            keep = seen.emplace(item.slot, "slot").second;
        }
        if (keep) {
            kept.push_front(std::move(item));
        } else if (!item.is_event()) {
            ++drops_;
            ++totals_->drops;
        }
    }
    ++skips_;
    ++totals_->skips;
    const bool skipping = skipping_;
    clear_locked();
    skipping_ = skipping;
    bool first = true;
    for (Item &item : kept) {
        if (item.slot) item.burst = true;
        if (!item.is_event() && !item.slot) item.discont |= std::exchange(first, false);
        item.span = 0;
        append_locked(std::move(item));
    }
}

void Branch::run_thread_locked() {
    if (thread_.joinable()) return;
    thread_ = std::thread(
        [branch = shared_from_this(), tee = GstPtr<GstElement>::ref(tee_), run = ++run_] {
            // The kernel limits names to 15 characters.
            pthread_setname_np(pthread_self(), ("goptee:" + branch->name_).substr(0, 15).c_str());
            while (guard(tee.get(), false, [&] { return branch->iterate(run); })) {
            }
        });
}

/// Pushes one item; returns false when the thread has to end.
bool Branch::iterate(unsigned run) {
    std::unique_lock lock(lock_);
    changed_.wait(lock, [&] {
        return stopped_ || run != run_ || (!queue_.empty() && !flushing_ && pushing_ == 0);
    });
    if (stopped_ || run != run_) return false;
    Item item = take_locked();
    const unsigned generation = generation_;
    ++pushing_;
    pusher_ = std::this_thread::get_id();
    lock.unlock();
    const GstFlowReturn flow = push(std::move(item));
    settle(flow, generation);
    return true;
}

void Branch::push_direct(Item item) {
    pusher_ = std::this_thread::get_id();
    ++pushing_;
    const unsigned generation = generation_; // changes after the flags that forbid a push
    if (state_ == State::running && !flushing_ && !stopped_) {
        const GstFlowReturn flow = push(std::move(item));
        if (flow != GST_FLOW_OK) {
            std::unique_lock lock(lock_);
            judge(flow, generation, lock);
        }
    }
    end_direct_push();
}

void Branch::end_direct_push() {
    pusher_ = std::thread::id();
    --pushing_;
    if (waiting_ == 0) return;
    std::lock_guard lock(lock_);
    changed_.notify_all();
}

GstFlowReturn Branch::push(Item item) {
    if (item.is_event()) {
        gst_pad_push_event(pad_.get(), GST_EVENT_CAST(item.object.release()));
        return GST_FLOW_OK; // the next buffer's flow shows whether it was refused
    }
    auto buffer = GstPtr<GstBuffer>::adopt(GST_BUFFER_CAST(item.object.release()));
    if (item.discont && !GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT)) {
        // Shares the memory; only flags and timestamps belong to the branch.
        buffer = GstPtr<GstBuffer>::adopt(gst_buffer_copy(buffer.get()));
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    }
    const GstFlowReturn flow = gst_pad_push(pad_.get(), buffer.release());
    if (flow == GST_FLOW_OK) {
        ++buffers_out_;
        bytes_out_ += item.size;
        ++totals_->buffers_out;
        totals_->bytes_out += item.size;
    }
    return flow;
}

void Branch::settle(GstFlowReturn flow, unsigned generation) {
    std::unique_lock lock(lock_);
    judge(flow, generation, lock);
    --pushing_;
    if (pushing_ == 0) pusher_ = std::thread::id();
    changed_.notify_all();
}

/// What a push's result means for the branch. Releases the lock to report a failure.
void Branch::judge(GstFlowReturn flow, unsigned generation, std::unique_lock<std::mutex> &lock) {
    if (generation != generation_ || flow == GST_FLOW_OK || state_ != State::running) return;
    clear_locked();
    if (flow == GST_FLOW_EOS) {
        state_ = State::eos;
    } else if (flow == GST_FLOW_FLUSHING || flow == GST_FLOW_NOT_LINKED) {
        // The next buffer restarts the branch.
        state_ = State::idle;
    } else {
        state_ = State::failed;
        ++totals_->failed;
        // The branch still counts as pushing: a receiver of the message may remove it at once.
        lock.unlock();
        failed_(*this, flow);
        lock.lock();
    }
}

void Branch::clear_locked() {
    queue_.clear();
    queued_bytes_ = queued_time_ = queued_buffers_ = queued_events_ = 0;
    newest_time_ = GST_CLOCK_TIME_NONE;
    skipping_ = false;
}

void Branch::flush_start() {
    std::lock_guard lock(lock_);
    flushing_ = true;
    ++generation_;
    clear_locked();
    changed_.notify_all();
}

void Branch::flush_stop() {
    std::unique_lock lock(lock_);
    ++waiting_;
    changed_.wait(lock, [this] {
        return pushing_ == 0 || stopped_ || pusher_.load() == std::this_thread::get_id();
    });
    --waiting_;
    flushing_ = false;
    clear_locked();
    state_ = State::idle;
}

void Branch::restart_after_eos() {
    std::lock_guard lock(lock_);
    if (state_ == State::eos) state_ = State::idle;
}

void Branch::stop(bool wait) {
    std::thread thread;
    {
        std::lock_guard lock(lock_);
        stopped_ = true;
        ++run_;
        ++generation_;
        clear_locked();
        thread = std::exchange(thread_, std::thread());
        // A thread that is not pushing ends at once.
        wait = pusher_.load() != std::this_thread::get_id() && (wait || pushing_ == 0);
        changed_.notify_all();
    }
    if (!thread.joinable()) return;
    if (wait && thread.get_id() != std::this_thread::get_id())
        thread.join();
    else
        thread.detach();
}

bool Branch::wait_quiet(unsigned milliseconds) {
    std::unique_lock lock(lock_);
    if (pusher_.load() == std::this_thread::get_id()) return false;
    ++waiting_;
    const bool quiet = changed_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                                         [this] { return pushing_ == 0; });
    --waiting_;
    return quiet;
}

void Branch::reset() {
    std::lock_guard lock(lock_);
    clear_locked();
    state_ = State::idle;
    stopped_ = flushing_ = direct_ = false;
    ask_ = true;
}

const char *Branch::state_name(State state) {
    switch (state) {
    case State::idle:
        return "idle";
    case State::running:
        return "running";
    case State::eos:
        return "eos";
    case State::failed:
        return "failed";
    }
    return "";
}

GstPtr<GstStructure> Branch::stats() const {
    std::lock_guard lock(lock_);
    return GstPtr<GstStructure>::adopt(gst_structure_new(
        "branch", "pad", G_TYPE_STRING, name_.c_str(), "state", G_TYPE_STRING, state_name(state_),
        "threaded", G_TYPE_BOOLEAN, gboolean(!direct_), "buffers-out", G_TYPE_UINT64,
        buffers_out_.load(), "bytes-out", G_TYPE_UINT64, bytes_out_.load(), "drops", G_TYPE_UINT64,
        drops_.load(), "skips", G_TYPE_UINT64, skips_.load(), "queued-buffers", G_TYPE_UINT64,
        queued_buffers_, "queued-bytes", G_TYPE_UINT64, queued_bytes_, "queued-time", G_TYPE_UINT64,
        queued_time_, nullptr));
}

} // namespace penstock::gop
