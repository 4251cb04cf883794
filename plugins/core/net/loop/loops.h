// SPDX-License-Identifier: LGPL-2.1-or-later
// The event loops: one thread per core, shared by every listener of the process. A connection
// stays on its loop for life, so its state needs no lock.
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
    /// The loops, started if nobody holds them, as many as want_loops() asked for; they end when
    /// the last holder lets go. Fewer, with a warning in the log, if the process has descriptors or
    /// threads for some of them only. Empty if it has none for the first: `error`, if given, then
    /// says what to raise. Any thread; never throws.
    static std::shared_ptr<Loops> shared(std::string *error = nullptr) noexcept;

    size_t size() const { return loops_.size(); }
    boost::asio::io_context &at(size_t index) { return loops_[index]->context; }
    /// To be used on that loop only.
    Pacer &pacer(size_t index) { return loops_[index]->pacer; }
    Poller &poller(size_t index) { return loops_[index]->poller; }
    /// Round robin: where the next connection lives.
    size_t next() { return next_.fetch_add(1, std::memory_order_relaxed) % loops_.size(); }
    /// True on a thread of these loops: no waiting there.
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
    Loop *ends_on_ = nullptr; ///< the loop that the last holder let go on; it destroys this
};

} // namespace penstock::net
