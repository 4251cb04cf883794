// SPDX-License-Identifier: LGPL-2.1-or-later
// All viewers of one stream: its ring, and on each loop those who read from it there.
#pragma once

#include "core/fanout/outlet.h"
#include "core/fanout/ring.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/loops.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace penstock::net {

class Viewer;

/// The viewers of one loop, and when they have their turns. What is not atomic is touched by that
/// loop alone.
struct AudienceGroup {
    std::vector<Viewer *> viewers;
    std::atomic<size_t> count{0};        ///< of them, for other threads
    std::atomic<bool> woken{false};      ///< the loop knows that there is something to send
    std::atomic<bool> timed{false};      ///< the loop will look by itself, at `due`
    std::atomic<uint64_t> not_before{0}; ///< ns: an awaited packet from here on leaves at once
    size_t to_serve = 0;                 ///< in the pass under way
    size_t next = 0;  ///< the viewers from here on have had their turn in this round
    size_t parts = 1; ///< passes of a round
    bool in_pass = false;
    bool listed = false;   ///< among those that the loop looks after by the clock
    bool held = false;     ///< the first packet that comes waits out the interval
    uint64_t started = 0;  ///< ns: the newest pass
    uint64_t interval = 0; ///< ns between two rounds; 0: each packet
    uint64_t due = 0;      ///< ns: the next pass is no later, if there is anything
    uint64_t packets_seen = 0, awaited_seen = 0; ///< when the rates were last measured
    double packet_rate = 0, awaited_rate = 0;    ///< a second
};

class Audience : public std::enable_shared_from_this<Audience> {
public:
    explicit Audience(std::shared_ptr<Loops> loops);

    fanout::Ring &ring() { return ring_; }
    void set_policy(const fanout::Policy &policy);
    fanout::Policy policy() const;

    /// Any thread, after something was appended to the ring: viewers get it when they should.
    /// `awaited`: see fanout::Packet.
    void wake(bool awaited);

    /// On the viewer's loop.
    void add(Viewer &viewer, size_t loop);
    void remove(Viewer &viewer, size_t loop);
    /// Adds the result of a viewer's pump().
    void count(uint64_t sent, uint64_t skips) {
        if (sent > 0) bytes_out.fetch_add(sent, std::memory_order_relaxed);
        if (skips > 0) skipped.fetch_add(skips, std::memory_order_relaxed);
    }
    /// Any thread; `use` is called on each loop with each of its viewers, later.
    void for_each(std::function<void(Viewer &)> use);

    std::atomic<unsigned> viewers{0};
    std::atomic<unsigned> slow{0}; ///< of them, those that get less than all
    std::atomic<uint64_t> viewers_total{0}, bytes_out{0}, skipped{0}, closed_slow{0};

    /// For the pacer of that loop.
    AudienceGroup &group(size_t loop) { return groups_[loop]; }

private:
    const std::shared_ptr<Loops> loops_;
    fanout::Ring ring_;
    std::vector<AudienceGroup> groups_;
    std::atomic<double> send_rate_;
    std::atomic<uint64_t> coalesce_max_;
    std::atomic<fanout::Join> join_;
    std::atomic<fanout::Slow> slow_;
    std::atomic<uint64_t> stall_timeout_;
};

} // namespace penstock::net
