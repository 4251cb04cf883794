// SPDX-License-Identifier: LGPL-2.1-or-later
// Schedules the passes of one loop: which stream's viewers are served next, for how long, and when
// again.
#pragma once

#include "core/fanout/outlet.h"
#include "core/net/loop/clock.h"

#include <boost/asio/io_context.hpp>

#include <deque>
#include <memory>
#include <vector>

namespace penstock::net {

class Audience;

/// Belongs to its loop. A pass serves all viewers of a stream. It yields every 250 µs, so that
/// joins, accepts and other streams run in between; streams take turns round robin.
class Pacer {
public:
    Pacer(boost::asio::io_context &context, size_t loop);

    /// Schedules a pass: there is data for this stream's viewers.
    void serve(const std::shared_ptr<Audience> &audience);
    /// The stream has viewers on this loop from now on and takes part in sharing the budget.
    void watch(const std::shared_ptr<Audience> &audience);
    /// For a viewer that sends outside of a pass. Packets are held only during the calling handler,
    /// which must call clear() at its end.
    fanout::BatchCache &cache() { return cache_; }

private:
    void take_turn(const std::shared_ptr<Audience> &audience);
    void hold(const std::shared_ptr<Audience> &audience, uint64_t since);
    void look_later(const std::shared_ptr<Audience> &audience);
    void schedule();
    void run();
    void begin_pass(Audience &audience, uint64_t now);
    void end_pass(const std::shared_ptr<Audience> &audience, uint64_t now);
    void share(uint64_t now);
    void set_timer();
    void on_timer();

    boost::asio::io_context &context_;
    const size_t loop_;
    Timer timer_;
    uint64_t timer_due_ = 0; ///< ns; 0: not set
    bool scheduled_ = false;
    std::deque<std::shared_ptr<Audience>> turns_;
    std::vector<std::shared_ptr<Audience>> timed_;
    std::vector<std::weak_ptr<Audience>> watched_;
    uint64_t shared_at_ = 0; ///< ns; when the budget was last shared
    fanout::BatchCache cache_;
};

} // namespace penstock::net
