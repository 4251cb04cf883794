// SPDX-License-Identifier: LGPL-2.1-or-later
// The queue between a network loop and a source pad, and whose turn it is to push. No GStreamer.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>

namespace penstock {

/// What a server source does next with its queue.
enum class PushNext {
    item,    ///< push the item that was taken (or: there is one to push)
    nothing, ///< the caller no longer has the turn and is done
    task     ///< the caller must start the task, and then hand_to_task()
};

/// Items come in on any thread. They are pushed one at a time by whoever has the turn:
///
/// | turn | has it | takes it | gives it back |
/// |---|---|---|---|
/// | nobody | | | |
/// | caller | the thread that brought an item, or one that was asked to | begin() | next() |
/// | task | the pad's task | hand_to_task() | close() |
/// | opener | the thread that sets everything up | open() | release() |
///
/// Taking the last item and giving the turn back is one step under the lock, so an item that comes
/// later always finds the turn free, and its thread takes it. A caller may therefore wait for the
/// pad's stream lock: whoever else holds that is about to let it go.
///
/// From callers to the task there is one way, want_task(), and back there is none before close().
/// Whoever starts the task has the turn while doing so, so close() and wait_idle() find either no
/// task or one that was started. Stop the task after wait_idle().
///
/// Thread-safe. No method runs foreign code; only wait() and wait_idle() block.
template <class Item>
class PushQueue {
public:
    using Next = PushNext;

    // --- set-up, by state changes -----------------------------------------------------------

    /// Empties the queue and lets items in. The caller has the turn until release(). `with_task`:
    /// the task pushes, else callers do. `max_bytes`: see has_room().
    void open(bool with_task, size_t max_bytes) {
        std::lock_guard lock(mutex_);
        clear_locked();
        closed_ = ended_ = full_ = false;
        turn_ = Turn::opener;
        task_wanted_ = with_task;
        max_bytes_ = max_bytes;
    }
    /// After open(). Next::item: items wait already, a caller has to begin().
    Next release() {
        std::lock_guard lock(mutex_);
        return give_back_locked();
    }
    /// Nothing is let in or taken out any more; wakes the task.
    void close() {
        std::lock_guard lock(mutex_);
        closed_ = true;
        task_wanted_ = false;
        if (turn_ == Turn::task) turn_ = Turn::nobody;
        changed_.notify_all();
    }
    /// After close(): waits until is_idle(), and empties the queue. Must not be called by the
    /// thread that has the turn.
    void wait_idle() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return turn_ == Turn::nobody; });
        clear_locked();
    }
    /// Nobody has the turn.
    bool is_idle() {
        std::lock_guard lock(mutex_);
        return turn_ == Turn::nobody;
    }
    /// Items are only taken while playing. True: items wait and a caller has to begin().
    bool set_playing(bool playing) {
        std::lock_guard lock(mutex_);
        playing_ = playing;
        changed_.notify_all();
        return turn_ == Turn::nobody && may_take_locked();
    }
    /// Something downstream may block from now on. True: the caller must start the task, and then
    /// hand_to_task().
    bool want_task() {
        std::lock_guard lock(mutex_);
        if (closed_ || turn_ == Turn::task) return false;
        task_wanted_ = true;
        if (turn_ != Turn::nobody) return false; // whoever has the turn starts it
        turn_ = Turn::caller;
        return true;
    }
    /// The task runs: it has the turn.
    void hand_to_task() {
        std::lock_guard lock(mutex_);
        turn_ = closed_ ? Turn::nobody : Turn::task;
        changed_.notify_all();
    }
    /// Nothing more is taken out until the next open(): the stream has ended.
    void end() {
        std::lock_guard lock(mutex_);
        ended_ = true;
    }

    // --- bringing ---------------------------------------------------------------------------

    /// False if the queue is closed; the item is dropped.
    bool put(Item &&item, size_t bytes) {
        std::lock_guard lock(mutex_);
        if (closed_) return false;
        items_.push_back({std::move(item), bytes});
        bytes_ += bytes;
        if (turn_ == Turn::task) changed_.notify_all();
        return true;
    }
    /// False once more than `max_bytes` are queued, until half of that is left; next() and wait()
    /// tell when.
    bool has_room() {
        std::lock_guard lock(mutex_);
        if (closed_) return true;
        if (bytes_ > max_bytes_) full_ = true;
        return !full_;
    }

    /// Bytes that are queued.
    size_t bytes() {
        std::lock_guard lock(mutex_);
        return bytes_;
    }

    // --- pushing ----------------------------------------------------------------------------

    /// A caller asks for the turn. True: it has it, and calls next() until that says otherwise.
    bool begin() {
        std::lock_guard lock(mutex_);
        if (turn_ != Turn::nobody || !may_take_locked()) return false;
        turn_ = Turn::caller;
        return true;
    }
    /// The caller that has the turn: takes an item, or gives the turn back unless it has to start
    /// the task. `room`: has_room() has
    /// become true again.
    Next next(Item &item, bool &room) {
        std::lock_guard lock(mutex_);
        room = false;
        if (!task_wanted_ && may_take_locked()) {
            take_locked(item, room);
            return Next::item;
        }
        return give_back_locked();
    }
    /// The task: waits for an item; false once the queue is closed or nothing more is taken.
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
        if (task_wanted_ && !closed_) return Next::task; // keeps the turn
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
    bool full_ = false; ///< what has_room() said last was no
};

} // namespace penstock
