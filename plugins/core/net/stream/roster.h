// SPDX-License-Identifier: LGPL-2.1-or-later
// The connections of a listener: kept alive, checked once per second, closed together.
#pragma once

#include "core/net/loop/clock.h"
#include "core/net/loop/loops.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::net {

/// A connection that belongs to one loop.
class RosterMember {
public:
    virtual ~RosterMember() = default;
    /// The index of its loop; constant.
    virtual size_t loop() const = 0;
    /// Called on its loop about once per second, for deadlines and stalled peers. `now_ms` is
    /// steady_ms().
    virtual void check(uint64_t now_ms) = 0;
    /// Closes the connection soon, with a goodbye message where the protocol has one; not the
    /// peer's fault. Thread-safe.
    virtual void close(const std::string &reason) = 0;
};

class Roster : public std::enable_shared_from_this<Roster> {
public:
    Roster(std::shared_ptr<Loops> loops, size_t max_members);

    /// Whether no further member is accepted. Thread-safe.
    bool is_full() const { return count_ >= max_members_; }
    size_t max_members() const { return max_members_; }
    /// Call both on the member's loop. After shutdown() a new member is closed at once.
    void add(const std::shared_ptr<RosterMember> &member);
    void remove(const std::shared_ptr<RosterMember> &member);
    /// Whether shutdown() has begun: close() has to be quick then. Thread-safe.
    bool is_closing() const { return closing_; }
    /// Calls `visit` for every member on its loop, soon. Thread-safe.
    void each(std::function<void(RosterMember &)> visit);
    /// Closes all members and waits until they are closed; does not wait if called on a loop.
    void shutdown();
    Loops &loops() const { return *loops_; }

private:
    /// Used on its loop only.
    struct PerLoop {
        std::set<std::shared_ptr<RosterMember>> members;
        std::unique_ptr<Timer> timer; ///< runs while there are members
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
