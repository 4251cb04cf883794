// SPDX-License-Identifier: LGPL-2.1-or-later
// One source pad of goptee: its bounded queue, its thread (if it needs one) and its fate.
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

/// What a goptee counts, all branches together, removed ones included.
struct Totals : Counters {
    std::atomic<uint64_t> skips = 0, failed = 0;
};

/// Bounds of a branch's queue; 0 is no bound.
struct QueueLimits {
    uint64_t time = 3 * GST_SECOND; ///< nanoseconds of media
    uint64_t bytes = 64 << 20;
    uint64_t buffers = 10000;
};

/// GST_EVENT_IS_STICKY and its like mix enumerations, which C++20 warns about.
inline bool has_flag(GstEvent *event, GstEventTypeFlags flag) {
    return gst_event_type_get_flags(GST_EVENT_TYPE(event)) & flag;
}

/// A buffer or serialized event on its way through a branch.
struct Item {
    GstPtr<GstMiniObject> object;
    uint64_t size = 0;   ///< payload bytes, 0 for an event
    uint64_t time = 0;   ///< nanoseconds: DTS, or PTS
    uint64_t span = 0;   ///< nanoseconds that the item adds to the queue
    uint16_t slot = 0;   ///< configuration: the newest of each slot outlives an overflow; 0: none
    bool key = false;    ///< a decoder can begin here
    bool header = false; ///< belongs to the keyframe behind it
    bool discont = false;
    bool burst = false; ///< of the cached GOP: not counted against the queue's bounds

    static Item of(GstEvent *event);
    static Item of(GstBuffer *buffer, uint64_t time);
    bool is_event() const { return GST_IS_EVENT(object.get()); }
    GstEvent *event() const { return GST_EVENT_CAST(object.get()); }
};

/// Thread rules: lock_ guards everything below it and is never held across a push. Items come in
/// from goptee's streaming thread alone; release and flush come from any thread.
class Branch : public std::enable_shared_from_this<Branch> {
public:
    /// idle: to be begun with the cached GOP as soon as something active is linked.
    enum class State { idle, running, eos, failed };
    using Failed = std::function<void(Branch &, GstFlowReturn)>;

    /// `failed` is called without a lock, from the thread that pushed. `remote`: it feeds another
    /// pipeline, whose affair its flow is.
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

    /// Before each delivery, without locks: is something active linked, and does it need a thread?
    /// Asks downstream when the branch is about to begin, or after ask_again().
    void decide();
    /// True if decide() found that the branch can begin.
    bool can_begin() const { return can_begin_; }
    void ask_again() { ask_ = true; }

    /// idle → running. The caller then gives it events and the cached GOP.
    void begin();
    /// Queues an item for the branch's thread (only if !is_direct()). Over a bound it drops up to
    /// the next keyframe; `lead` (configuration) goes before that one.
    void enqueue(Item item, const QueueLimits &limits, const std::vector<Item> &lead = {});
    /// Pushes from the calling thread (only if is_direct()).
    void push_direct(Item item);

    /// FLUSH_START: nothing more is pushed and the queue is emptied.
    void flush_start();
    /// Before FLUSH_STOP is sent on: waits for a push that is still on its way out, forgets all.
    void flush_stop();
    /// A new stream: a branch that had returned EOS is wanted again.
    void restart_after_eos();
    /// Ends the thread. `wait`: until it has ended (not from that very thread). Without it the
    /// thread ends by itself as soon as its last push returns.
    void stop(bool wait);
    /// Waits until no push is on its way, for `milliseconds` at most.
    bool wait_quiet(unsigned milliseconds);
    /// After stop(): ready for another READY→PAUSED.
    void reset();

    /// The branch's part of the element's `stats`.
    GstPtr<GstStructure> stats() const;

private:
    bool iterate(unsigned run);
    void run_thread_locked();
    void settle(GstFlowReturn flow, unsigned generation);
    GstFlowReturn push(Item item);
    bool over_locked(const QueueLimits &limits) const;
    void trim_locked();
    void append_locked(Item item);
    Item take_locked();
    void clear_locked();
    static const char *state_name(State state);

    GstElement *const tee_; ///< borrowed: it owns the branch; the thread has its own reference
    const GstPtr<GstPad> pad_;
    const std::string name_;
    const std::shared_ptr<Totals> totals_;
    const Failed failed_;
    const bool remote_;

    // The streaming thread's alone.
    bool can_begin_ = false;
    const GstPad *failed_peer_ = nullptr; ///< only compared

    std::atomic<bool> ask_ = true;
    std::atomic<uint64_t> buffers_out_ = 0, bytes_out_ = 0, drops_ = 0, skips_ = 0;

    mutable std::mutex lock_;
    std::condition_variable changed_;
    // These three are written with the lock, and read by goptee's streaming thread without.
    std::atomic<State> state_ = State::idle;
    std::atomic<bool> direct_ = false, skipping_ = false;
    std::deque<Item> queue_;
    uint64_t queued_bytes_ = 0, queued_time_ = 0, queued_buffers_ = 0; ///< burst items left out
    size_t queued_events_ = 0;
    uint64_t newest_time_ = GST_CLOCK_TIME_NONE;
    std::thread thread_;   ///< joined where it waits, detached where it is in a push
    unsigned run_ = 0;     ///< grows with each thread; an older one ends
    unsigned pushing_ = 0; ///< pushes on their way
    std::thread::id pusher_;
    unsigned generation_ = 0; ///< grows with each flush and stop
    bool flushing_ = false;
    bool stopped_ = false;
};

} // namespace penstock::gop
