// SPDX-License-Identifier: LGPL-2.1-or-later
// The connections of one listener: kept alive, looked at once a second, closed with it.
#pragma once

#include "core/net/loop/loops.h"

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::net {

/// A connection, which lives on one loop.
class RosterMember {
public:
    virtual ~RosterMember() = default;
    /// The index of its loop; never changes.
    virtual size_t loop() const = 0;
    /// Called on its loop about once a second: deadlines, stalled peers. `now_ms` is steady_ms().
    virtual void check(uint64_t now_ms) = 0;
    /// Any thread: says goodbye and ends, soon; not the peer's fault.
    virtual void close(const std::string &reason) = 0;
};

class Roster : public std::enable_shared_from_this<Roster> {
public:
    Roster(std::shared_ptr<Loops> loops, size_t max_members);

    /// Any thread: true if there is no room for another member.
    bool is_full() const { return count_ >= max_members_; }
    size_t max_members() const { return max_members_; }
    /// Both on the member's loop. After shutdown() a new member is closed at once.
    void add(const std::shared_ptr<RosterMember> &member);
    void remove(const std::shared_ptr<RosterMember> &member);
    /// Closes all members, and returns when they are closed; called on a loop, it returns at once.
    void shutdown();
    Loops &loops() const { return *loops_; }

private:
    /// Touched by its loop alone.
    struct PerLoop {
        std::set<std::shared_ptr<RosterMember>> members;
        std::unique_ptr<boost::asio::steady_timer> timer; ///< runs while there are members
    };
    void wait(size_t loop);
    void check(size_t loop);

    const std::shared_ptr<Loops> loops_;
    const size_t max_members_;
    std::vector<PerLoop> per_loop_;
    std::atomic<size_t> count_{0};
    std::atomic<bool> closing_{false};
};

} // namespace penstock::net
