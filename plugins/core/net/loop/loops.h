// SPDX-License-Identifier: LGPL-2.1-or-later
// The event loops: one thread per core, shared by all listeners of the process. A connection stays
// on one loop, so its state needs no lock.
#pragma once

#include "core/net/loop/poller.h"
#include "core/net/stream/pacer.h"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace penstock::net {

class Loops {
public:
    /// Returns the loops, starting them if needed, in the number set by want_loops(); they end when
    /// the last holder releases them. If the process is short of descriptors or threads, starts
    /// fewer and logs a warning. Returns nullptr if not even one can be started, and sets `error`
    /// to the limit to raise. Thread-safe; never throws.
    static std::shared_ptr<Loops> shared(std::string *error = nullptr) noexcept;

    size_t size() const { return loops_.size(); }
    boost::asio::io_context &at(size_t index) { return loops_[index]->context; }
    /// Must be used on that loop only.
    Pacer &pacer(size_t index) { return loops_[index]->pacer; }
    Poller &poller(size_t index) { return loops_[index]->poller; }
    /// The loop for the next connection, round robin.
    size_t next() { return next_.fetch_add(1, std::memory_order_relaxed) % loops_.size(); }
    /// Whether the current thread is one of these loops, which must not block.
    bool on_loop() const;

    Loops(const Loops &) = delete;
    Loops &operator=(const Loops &) = delete;

private:
    Loops() = default;
    ~Loops();
    struct Loop {
        explicit Loop(size_t which) : index(which), pacer(context, which), poller(context) {}
        const size_t index;
        boost::asio::io_context context{1};
        Pacer pacer;
        Poller poller;
        std::thread thread;
    };
    void start(unsigned count, std::string &reason);
    bool start_one(std::string &reason);
    void run(Loop &loop);
    void let_go() noexcept;
    std::vector<std::unique_ptr<Loop>> loops_;
    std::atomic<size_t> next_{0};
    /// The loop on which the last reference was released; its thread destroys this object.
    Loop *ends_on_ = nullptr;
};

} // namespace penstock::net
