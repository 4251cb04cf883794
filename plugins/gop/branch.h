// SPDX-License-Identifier: LGPL-2.1-or-later
// A source pad of goptee: its bounded queue, its thread (if it needs one) and its state.
#pragma once

#include "gst/ptr.h"
#include "gst/stats.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace penstock::gop {

/// Counters of a goptee over all branches, including removed ones.
struct Totals : Counters {
    std::atomic<uint64_t> skips = 0, failed = 0;
};

/// Bounds of a branch's queue; 0: unlimited.
struct QueueLimits {
    uint64_t time = 3 * GST_SECOND; ///< nanoseconds of media
    uint64_t bytes = 64 << 20;
    uint64_t buffers = 10000;
};

/// GST_EVENT_IS_STICKY and similar macros mix enumeration types, which C++20 warns about.
inline bool has_flag(GstEvent *event, GstEventTypeFlags flag) {
    return gst_event_type_get_flags(GST_EVENT_TYPE(event)) & flag;
}

/// A buffer or serialized event for a branch.
struct Item {
    GstPtr<GstMiniObject> object;
    uint64_t size = 0; ///< payload bytes; 0 for an event
    uint64_t time = 0; ///< ns: DTS, or PTS
    uint64_t span = 0; ///< ns of media that it adds to the queue
    /// Kind of configuration: the newest of each slot survives an overflow; 0: none.
    uint16_t slot = 0;
    bool key = false;    ///< a decoder can start here
    bool header = false; ///< belongs to the following keyframe
    bool discont = false;
    bool burst = false; ///< part of the cached GOP, not counted against the queue's bounds

    static Item of(GstEvent *event);
    static Item of(GstBuffer *buffer, uint64_t time);
    bool is_event() const { return GST_IS_EVENT(object.get()); }
    GstEvent *event() const { return GST_EVENT_CAST(object.get()); }
};

/// Threads: lock_ guards everything below it and is never held during a push. Items come only from
/// goptee's streaming thread; release and flush come from any thread. A direct push takes no lock:
/// it announces itself in pushing_ before it looks whether it may push. Whoever stops pushes says
/// so before looking at pushing_, so that one of them sees the other.
class Branch : public std::enable_shared_from_this<Branch> {
public:
    /// idle: starts with the cached GOP as soon as an active pad is linked.
    enum class State { idle, running, eos, failed };
    using Failed = std::function<void(Branch &, GstFlowReturn)>;

    /// `failed` is called without a lock, on the pushing thread. `remote`: the branch feeds another
    /// pipeline, which handles its flow.
    Branch(GstElement *tee, GstPad *pad, std::shared_ptr<Totals> totals, Failed failed,
           bool remote = false);
    Branch(const Branch &) = delete;
    Branch &operator=(const Branch &) = delete;

    GstPad *pad() const { return pad_.get(); }
    const std::string &name() const { return name_; }
    bool is_remote() const { return remote_; }
    State state() const { return state_; }
    bool is_direct() const { return direct_; }
    bool is_skipping() const { return skipping_; }

    /// Whether decide() has anything to determine. Needs no lock.
    bool is_undecided() const { return state_ != State::eos && (state_ != State::running || ask_); }
    /// Called before each delivery, without locks: determines whether an active pad is linked and
    /// whether it needs a thread. Queries downstream when the branch is about to start, or after
    /// ask_again().
    void decide();
    /// Whether decide() found that the branch can start.
    bool can_begin() const { return can_begin_; }
    void ask_again() { ask_ = true; }

    /// idle → running. The caller then passes events and the cached GOP.
    void begin();
    /// Queues an item for the branch's thread (only if !is_direct()). Above a bound, drops up to
    /// the next keyframe and inserts `lead` (configuration) before that one.
    void enqueue(Item item, const QueueLimits &limits, const std::vector<Item> &lead = {});
    /// Pushes on the calling thread (only if is_direct()).
    void push_direct(Item item);

    /// FLUSH_START: stops pushing and empties the queue.
    void flush_start();
    /// Before forwarding FLUSH_STOP: waits for the current push to return and resets.
    void flush_stop();
    /// A new stream: restarts a branch that had returned EOS.
    void restart_after_eos();
    /// Ends the thread. `wait`: until it has ended (must not be called on that thread). Otherwise
    /// the thread ends when its last push returns.
    void stop(bool wait);
    /// Waits up to `milliseconds` until no push is in progress.
    bool wait_quiet(unsigned milliseconds);
    /// After stop(): prepares for another READY→PAUSED.
    void reset();

    /// The branch's entry in the element's `stats`.
    GstPtr<GstStructure> stats() const;

private:
    bool iterate(unsigned run);
    void run_thread_locked();
    void settle(GstFlowReturn flow, unsigned generation);
    void judge(GstFlowReturn flow, unsigned generation, std::unique_lock<std::mutex> &lock);
    void end_direct_push();
    GstFlowReturn push(Item item);
    bool over_locked(const QueueLimits &limits) const;
    void trim_locked();
    void append_locked(Item item);
    Item take_locked();
    void clear_locked();
    static const char *state_name(State state);

    GstElement *const tee_; ///< borrowed: it owns the branch; the thread holds a reference
    const GstPtr<GstPad> pad_;
    const std::string name_;
    const std::shared_ptr<Totals> totals_;
    const Failed failed_;
    const bool remote_;

    // Used by the streaming thread only.
    bool can_begin_ = false;
    const GstPad *failed_peer_ = nullptr; ///< used for comparison only

    std::atomic<bool> ask_ = true;
    std::atomic<uint64_t> buffers_out_ = 0, bytes_out_ = 0, drops_ = 0, skips_ = 0;

    mutable std::mutex lock_;
    std::condition_variable changed_;
    // Written with the lock held, but for pushing_ and pusher_ of a direct push; read by goptee's
    // streaming thread without it.
    std::atomic<State> state_ = State::idle;
    std::atomic<bool> direct_ = false, skipping_ = false;
    std::deque<Item> queue_;
    uint64_t queued_bytes_ = 0, queued_time_ = 0, queued_buffers_ = 0; ///< excluding burst items
    size_t queued_events_ = 0;
    uint64_t newest_time_ = GST_CLOCK_TIME_NONE;
    std::thread thread_;                ///< joined if it waits, detached if it is pushing
    unsigned run_ = 0;                  ///< incremented with each thread; older ones end
    std::atomic<unsigned> pushing_ = 0; ///< pushes in progress
    std::atomic<std::thread::id> pusher_{};
    std::atomic<unsigned> waiting_ = 0;    ///< threads that wait until pushing_ is 0
    std::atomic<unsigned> generation_ = 0; ///< incremented with each flush and stop
    std::atomic<bool> flushing_ = false, stopped_ = false;
};

} // namespace penstock::gop
