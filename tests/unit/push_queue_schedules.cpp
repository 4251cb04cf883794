// SPDX-License-Identifier: LGPL-2.1-or-later
// The push queue: every schedule of a model's threads, step by step. A step is a call of the queue
// or of the pad's stream lock; both are atomic, so the schedules of steps are those of the program.
#include "gst/push_queue.h"

#include "check.hpp"

using penstock::PushNext;
using Queue = penstock::PushQueue<int>;

namespace {

constexpr int eos = 100;

/// The state that the model's threads share.
struct World {
    Queue queue;
    std::vector<int> pushed;
    int pushing = 0;      ///< threads between taking an item and having pushed it
    int stream_lock = -1; ///< the thread that has it
    bool task_runs = false, has_task_turn = false;
    bool has_claim = true; ///< what stop() takes away last
    std::string wrong;

    void expect(bool good, const char *what) {
        if (!good && wrong.empty()) wrong = what;
    }
    void begin_push() { expect(pushing++ == 0, "two threads push at once"); }
    void end_push(int item) {
        --pushing;
        expect(has_claim, "the claim is used after stop() has reset it");
        pushed.push_back(item);
        if (item == eos) queue.end();
    }
    void start_task() {
        expect(!task_runs, "the task is started twice");
        task_runs = true;
    }
    void hand_to_task() {
        queue.hand_to_task();
        has_task_turn = true;
    }
};

class Thread {
public:
    virtual ~Thread() = default;
    virtual bool is_done(World &) const = 0;
    /// False while the thread waits for another one.
    virtual bool can_step(World &, int) const { return true; }
    virtual void step(World &world, int id) = 0;
};

/// Models ServerSource::drain().
class Drain final : public Thread {
public:
    void begin() { at_ = At::begin; }
    void start_task() { at_ = At::start; }
    /// Has the turn for an item that was never queued.
    void push_own(int item) {
        own_ = item;
        at_ = At::lock;
    }
    bool is_done(World &) const override { return at_ == At::done; }
    bool can_step(World &world, int) const override {
        return at_ != At::lock || world.stream_lock < 0;
    }
    void step(World &world, int id) override {
        bool room = false;
        switch (at_) {
        case At::begin:
            at_ = world.queue.begin() ? At::lock : At::done;
            break;
        case At::lock:
            world.stream_lock = id;
            item_ = std::exchange(own_, 0);
            at_ = item_ != 0 ? At::push : At::take;
            if (at_ == At::push) world.begin_push();
            break;
        case At::take:
            next_ = world.queue.next(item_, room);
            at_ = next_ == PushNext::item ? At::push : At::unlock;
            if (at_ == At::push) world.begin_push();
            break;
        case At::push:
            world.end_push(item_);
            at_ = At::take;
            break;
        case At::unlock:
            world.stream_lock = -1;
            at_ = next_ == PushNext::task ? At::start : At::done;
            break;
        case At::start:
            world.start_task();
            at_ = At::hand;
            break;
        case At::hand:
            world.hand_to_task();
            at_ = At::done;
            break;
        case At::done:
            break;
        }
    }

private:
    enum class At { begin, lock, take, push, unlock, start, hand, done } at_ = At::done;
    PushNext next_ = PushNext::nothing;
    int item_ = 0, own_ = 0;
};

/// Acts once; the action may begin a drain.
class Once : public Thread {
public:
    bool is_done(World &world) const override { return did_ && drain_.is_done(world); }
    bool can_step(World &world, int id) const override {
        return !did_ || drain_.can_step(world, id);
    }
    void step(World &world, int id) override {
        if (std::exchange(did_, true))
            drain_.step(world, id);
        else
            act(world);
    }

protected:
    virtual void act(World &world) = 0;
    Drain drain_;

private:
    bool did_ = false;
};

/// Brings an item, as a sender of EOS does.
class Bring final : public Once {
public:
    explicit Bring(int item) : item_(item) {}

private:
    void act(World &world) override {
        if (world.queue.put(int(item_), 1)) drain_.begin();
    }
    const int item_;
};

/// Brings a tag, as a network loop does: it is queued only if it can't be pushed at once.
class BringTag final : public Thread {
public:
    explicit BringTag(int item) : item_(item) {}
    bool is_done(World &world) const override { return at_ == At::drain && drain_.is_done(world); }
    bool can_step(World &world, int id) const override {
        return at_ != At::drain || drain_.can_step(world, id);
    }
    void step(World &world, int id) override {
        switch (at_) {
        case At::begin:
            at_ = At::put;
            if (!world.queue.begin_with_own()) break;
            at_ = At::drain;
            drain_.push_own(item_);
            break;
        case At::put:
            at_ = At::drain;
            if (world.queue.put(int(item_), 1)) drain_.begin();
            break;
        case At::drain:
            drain_.step(world, id);
            break;
        }
    }

private:
    enum class At { begin, put, drain } at_ = At::begin;
    const int item_;
    Drain drain_;
};

class Play final : public Once {
    void act(World &world) override {
        if (world.queue.set_playing(true)) drain_.begin();
    }
};

/// An element that may block was linked downstream.
class WantTask final : public Once {
    void act(World &world) override {
        if (world.queue.want_task()) drain_.start_task();
    }
};

/// Models the end of ServerSource::start().
class Release final : public Once {
    void act(World &world) override {
        const PushNext next = world.queue.release();
        if (next == PushNext::item) drain_.begin();
        if (next == PushNext::task) drain_.start_task();
    }
};

/// Runs several threads one after another.
class Sequence final : public Thread {
public:
    explicit Sequence(std::vector<std::unique_ptr<Thread>> parts) : parts_(std::move(parts)) {}
    bool is_done(World &world) const override {
        return at_ == parts_.size() || (at_ + 1 == parts_.size() && parts_[at_]->is_done(world));
    }
    bool can_step(World &world, int id) const override {
        return current(world).can_step(world, id);
    }
    void step(World &world, int id) override {
        if (parts_[at_]->is_done(world)) ++at_;
        parts_[at_]->step(world, id);
    }

private:
    Thread &current(World &world) const {
        return *parts_[parts_[at_]->is_done(world) ? at_ + 1 : at_];
    }
    std::vector<std::unique_ptr<Thread>> parts_;
    size_t at_ = 0;
};

/// The pad's task, which holds the stream lock while it runs. The model's items come from put()
/// only.
class Task final : public Thread {
public:
    explicit Task(size_t items) : items_(items) {}
    bool is_done(World &world) const override {
        return !world.task_runs || (item_ == 0 && world.pushed.size() == items_);
    }
    bool can_step(World &world, int id) const override {
        const bool locked = world.stream_lock < 0 || world.stream_lock == id;
        // Otherwise wait() would block.
        return item_ != 0 || (locked && world.has_task_turn && world.queue.bytes() > 0);
    }
    void step(World &world, int id) override {
        world.stream_lock = id;
        bool room = false;
        if (item_ != 0) {
            world.end_push(std::exchange(item_, 0));
        } else if (world.queue.wait(item_, room)) {
            world.begin_push();
        }
    }

private:
    const size_t items_;
    int item_ = 0;
};

/// Models ServerSource::stop().
class Stop final : public Thread {
public:
    bool is_done(World &) const override { return at_ == 4; }
    bool can_step(World &world, int) const override { return at_ != 1 || world.queue.is_idle(); }
    void step(World &world, int) override {
        switch (at_++) {
        case 0:
            world.queue.close();
            break;
        case 1:
            world.queue.wait_idle();
            break;
        case 2:
            world.task_runs = false;
            break;
        default:
            world.has_claim = false;
        }
    }

private:
    int at_ = 0;
};

using Threads = std::vector<std::unique_ptr<Thread>>;

template <class... Parts>
std::unique_ptr<Thread> in_order(std::unique_ptr<Parts>... parts) {
    Threads list;
    (list.push_back(std::move(parts)), ...);
    return std::make_unique<Sequence>(std::move(list));
}

template <class... Parts>
Threads beside(std::unique_ptr<Parts>... parts) {
    Threads list;
    (list.push_back(std::move(parts)), ...);
    return list;
}

struct Model {
    std::function<Threads()> threads;
    bool open = true;
    bool playing = true;
    /// Describes the fault when all threads are done; empty if there is none.
    std::function<std::string(World &)> check;
};

/// Runs every schedule, depth first, each from the start. Returns their number.
size_t run_every_schedule(const Model &model) {
    struct Choice {
        size_t taken, among;
    };
    std::vector<Choice> path;
    for (size_t count = 1;; ++count) {
        World world;
        world.queue.open(false, 1000);
        if (model.open) world.queue.release();
        world.queue.set_playing(model.playing);
        const Threads threads = model.threads();
        std::string trace;
        for (size_t depth = 0;; ++depth) {
            std::vector<size_t> ready;
            bool all_done = true;
            for (size_t i = 0; i < threads.size(); ++i) {
                if (threads[i]->is_done(world)) continue;
                all_done = false;
                if (threads[i]->can_step(world, int(i))) ready.push_back(i);
            }
            if (all_done) break;
            fail_if(ready.empty(), "schedule %s: nobody can go on", trace.c_str());
            if (depth == path.size()) path.push_back({0, ready.size()});
            const size_t id = ready[path[depth].taken];
            trace += char('A' + id);
            threads[id]->step(world, int(id));
        }
        const std::string wrong = world.wrong.empty() ? model.check(world) : world.wrong;
        fail_unless(wrong.empty(), "schedule %s: %s", trace.c_str(), wrong.c_str());
        while (!path.empty() && ++path.back().taken == path.back().among)
            path.pop_back();
        if (path.empty()) return count;
    }
}

std::string all_pushed(const World &world, const std::vector<int> &items) {
    return std::is_permutation(world.pushed.begin(), world.pushed.end(), items.begin(), items.end())
               ? ""
               : "an item is lost, or pushed twice";
}

std::unique_ptr<Thread> bring(int item) {
    return std::make_unique<Bring>(item);
}
std::unique_ptr<Thread> tag(int item) {
    return std::make_unique<BringTag>(item);
}

} // namespace

GST_START_TEST(test_every_schedule_of_two_that_bring) {
    Model model;
    model.threads = [] { return beside(in_order(tag(1), tag(2)), bring(3)); };
    model.check = [](World &world) {
        const auto at = [&](int item) {
            return std::find(world.pushed.begin(), world.pushed.end(), item);
        };
        return at(1) < at(2) ? all_pushed(world, {1, 2, 3}) : "out of order";
    };
    fail_unless(run_every_schedule(model) > 100);
}
GST_END_TEST

GST_START_TEST(test_every_schedule_of_eos) {
    // Items that come before the end are pushed, and the end itself always is.
    Model model;
    model.threads = [] { return beside(in_order(tag(1), tag(2)), bring(eos)); };
    model.check = [](World &world) {
        return !world.pushed.empty() && world.pushed.back() == eos ? "" : "EOS stays in the queue";
    };
    fail_unless(run_every_schedule(model) > 100);
}
GST_END_TEST

GST_START_TEST(test_every_schedule_of_playing) {
    Model model;
    model.playing = false;
    model.threads = [] { return beside(in_order(tag(1), tag(2)), std::make_unique<Play>()); };
    model.check = [](World &world) { return all_pushed(world, {1, 2}); };
    fail_unless(run_every_schedule(model) > 20);
}
GST_END_TEST

GST_START_TEST(test_every_schedule_of_the_start) {
    // The publisher exists already: it brings items before start() has returned.
    Model model;
    model.open = false;
    model.threads = [] { return beside(in_order(tag(1), tag(2)), std::make_unique<Release>()); };
    model.check = [](World &world) { return all_pushed(world, {1, 2}); };
    fail_unless(run_every_schedule(model) > 20);
}
GST_END_TEST

GST_START_TEST(test_every_schedule_of_the_change_to_a_task) {
    Model model;
    model.threads = [] {
        return beside(in_order(tag(1), tag(2)), std::make_unique<WantTask>(),
                      std::make_unique<Task>(2));
    };
    model.check = [](World &world) {
        if (!world.task_runs) return std::string("the task was never started");
        return world.pushed == std::vector{1, 2} ? "" : std::string("lost or out of order");
    };
    fail_unless(run_every_schedule(model) > 50);
}
GST_END_TEST

GST_START_TEST(test_every_schedule_of_stop) {
    Model model;
    model.threads = [] { return beside(tag(1), tag(2), std::make_unique<Stop>()); };
    model.check = [](World &world) {
        Queue &queue = world.queue;
        return queue.is_idle() && !queue.begin() ? "" : "somebody still has the turn";
    };
    fail_unless(run_every_schedule(model) > 100);
}
GST_END_TEST

GST_START_TEST(test_every_schedule_of_stop_while_the_task_comes) {
    Model model;
    model.threads = [] {
        return beside(tag(1), std::make_unique<WantTask>(), std::make_unique<Stop>());
    };
    model.check = [](World &world) {
        if (world.task_runs) return "a task was started and not stopped";
        return world.queue.is_idle() ? "" : "somebody still has the turn";
    };
    fail_unless(run_every_schedule(model) > 100);
}
GST_END_TEST

static Suite *push_queue_schedules_suite() {
    Suite *s = suite_create("push_queue_schedules");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_every_schedule_of_two_that_bring);
    tcase_add_test(tc, test_every_schedule_of_eos);
    tcase_add_test(tc, test_every_schedule_of_playing);
    tcase_add_test(tc, test_every_schedule_of_the_start);
    tcase_add_test(tc, test_every_schedule_of_the_change_to_a_task);
    tcase_add_test(tc, test_every_schedule_of_stop);
    tcase_add_test(tc, test_every_schedule_of_stop_while_the_task_comes);
    return s;
}
GST_CHECK_MAIN(push_queue_schedules)
