// SPDX-License-Identifier: LGPL-2.1-or-later
// The queue between a network loop and a source pad, which also decides which thread pushes. Does
// not depend on GStreamer.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>

namespace penstock {

/// The next step of a server source with its queue.
enum class PushNext {
    item,    ///< push the item that was taken (or: there is one to push)
    nothing, ///< the caller has given up the turn and is done
    task     ///< the caller must start the task and then call hand_to_task()
};

/// Items are added on any thread and pushed one at a time by the thread that has the turn:
///
/// | turn | has it | takes it | gives it back |
/// |---|---|---|---|
/// | nobody | | | |
/// | caller | the thread that added an item, or one that was told to | begin() | next() |
/// | caller | the thread that has an item and would add it to nothing | begin_with_own() | next() |
/// | task | the pad's task | hand_to_task() | close() |
/// | opener | the thread that does the set-up | open() | release() |
///
/// Taking the last item and giving up the turn is a single step under the lock, so an item added
/// later always finds the turn free and its thread takes it. A caller may therefore wait for the
/// pad's stream lock: any other holder is about to release it.
///
/// The turn passes from callers to the task only through want_task(), and back only through
/// close(). The thread that starts the task keeps the turn meanwhile, so close() and wait_idle()
/// find either no task or a started one. Stop the task after wait_idle().
///
/// Thread-safe. Calls no foreign code; only wait() and wait_idle() block.
template <class Item>
class PushQueue {
public:
    using Next = PushNext;

    // --- set-up, in state changes -----------------------------------------------------------

    /// Empties the queue and accepts items. The caller has the turn until release(). `with_task`:
    /// the task pushes, otherwise callers do. `max_bytes`: see has_room().
    void open(bool with_task, size_t max_bytes) {
        std::lock_guard lock(mutex_);
        clear_locked();
        closed_ = ended_ = full_ = false;
        turn_ = Turn::opener;
        task_wanted_ = with_task;
        max_bytes_ = max_bytes;
    }
    /// Call after open(). Next::item: items are waiting, and the caller must call begin().
    Next release() {
        std::lock_guard lock(mutex_);
        return give_back_locked();
    }
    /// Accepts and returns no more items; wakes the task.
    void close() {
        std::lock_guard lock(mutex_);
        closed_ = true;
        task_wanted_ = false;
        if (turn_ == Turn::task) turn_ = Turn::nobody;
        changed_.notify_all();
    }
    /// Call after close(): waits until is_idle() and empties the queue. Must not be called by the
    /// thread that has the turn.
    void wait_idle() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return turn_ == Turn::nobody; });
        clear_locked();
    }
    /// Whether no thread has the turn.
    bool is_idle() {
        std::lock_guard lock(mutex_);
        return turn_ == Turn::nobody;
    }
    /// Items are only taken while playing. Returns true if items are waiting and the caller must
    /// call begin().
    bool set_playing(bool playing) {
        std::lock_guard lock(mutex_);
        playing_ = playing;
        changed_.notify_all();
        return turn_ == Turn::nobody && may_take_locked();
    }
    /// An element downstream may block from now on. Returns true if the caller must start the task
    /// and then call hand_to_task().
    bool want_task() {
        std::lock_guard lock(mutex_);
        if (closed_ || turn_ == Turn::task) return false;
        task_wanted_ = true;
        if (turn_ != Turn::nobody) return false; // the thread that has the turn starts it
        turn_ = Turn::caller;
        return true;
    }
    /// Passes the turn to the running task.
    void hand_to_task() {
        std::lock_guard lock(mutex_);
        turn_ = closed_ ? Turn::nobody : Turn::task;
        changed_.notify_all();
    }
    /// The stream has ended: no more items are taken until the next open().
    void end() {
        std::lock_guard lock(mutex_);
        ended_ = true;
    }

    // --- adding ---------------------------------------------------------------------------

    /// Returns false and drops the item if the queue is closed.
    bool put(Item &&item, size_t bytes) {
        std::lock_guard lock(mutex_);
        if (closed_) return false;
        items_.push_back({std::move(item), bytes});
        bytes_ += bytes;
        if (turn_ == Turn::task) changed_.notify_all();
        return true;
    }
    /// Returns false from when more than `max_bytes` are queued until half of that is left, which
    /// next() and wait() report.
    bool has_room() {
        std::lock_guard lock(mutex_);
        if (closed_) return true;
        if (bytes_ > max_bytes_) full_ = true;
        return !full_;
    }

    /// Number of queued bytes.
    size_t bytes() {
        std::lock_guard lock(mutex_);
        return bytes_;
    }

    // --- pushing ----------------------------------------------------------------------------

    /// Requests the turn. If it returns true, call next() until that ends the turn.
    bool begin() {
        std::lock_guard lock(mutex_);
        if (turn_ != Turn::nobody || !may_take_locked()) return false;
        turn_ = Turn::caller;
        return true;
    }
    /// Requests the turn for an item that need not be queued, because nobody pushes, nothing is
    /// queued and an item may be taken. If it returns true, push the item and call next() until
    /// that ends the turn. Otherwise put() it.
    bool begin_with_own() {
        std::lock_guard lock(mutex_);
        const bool may_push = playing_ && !closed_ && !ended_ && items_.empty() && !task_wanted_;
        if (turn_ != Turn::nobody || !may_push) return false;
        turn_ = Turn::caller;
        return true;
    }
    /// For the caller that has the turn: takes an item, or gives up the turn unless it must start
    /// the task. `room`: has_room() has become true again.
    Next next(Item &item, bool &room) {
        std::lock_guard lock(mutex_);
        room = false;
        if (!task_wanted_ && may_take_locked()) {
            take_locked(item, room);
            return Next::item;
        }
        return give_back_locked();
    }
    /// For the task: waits for an item. Returns false once the queue is closed or the stream has
    /// ended.
    bool wait(Item &item, bool &room) {
        std::unique_lock lock(mutex_);
        room = false;
        changed_.wait(lock, [this] {
            return closed_ || ended_ || (turn_ == Turn::task && may_take_locked());
        });
        if (closed_ || ended_) return false;
        take_locked(item, room);
        return true;
    }

private:
    enum class Turn { nobody, caller, task, opener };
    struct Entry {
        Item item;
        size_t bytes;
    };

    bool may_take_locked() const { return playing_ && !closed_ && !ended_ && !items_.empty(); }
    Next give_back_locked() {
        if (task_wanted_ && !closed_) return Next::task; // the caller keeps the turn
        turn_ = Turn::nobody;
        changed_.notify_all();
        return may_take_locked() ? Next::item : Next::nothing;
    }
    void take_locked(Item &item, bool &room) {
        item = std::move(items_.front().item);
        bytes_ -= items_.front().bytes;
        items_.pop_front();
        room = full_ && bytes_ <= max_bytes_ / 2;
        if (room) full_ = false;
    }
    void clear_locked() {
        items_.clear();
        bytes_ = 0;
    }

    std::mutex mutex_; ///< guards everything
    std::condition_variable changed_;
    std::deque<Entry> items_;
    size_t bytes_ = 0, max_bytes_ = 0;
    Turn turn_ = Turn::nobody;
    bool task_wanted_ = false;
    bool closed_ = true;
    bool ended_ = false;
    bool playing_ = false;
    bool full_ = false; ///< has_room() last returned false
};

} // namespace penstock
