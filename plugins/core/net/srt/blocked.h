// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers that wait until the network has taken what libsrt holds for them. libsrt tells only
// when its buffer is full no longer, which is too late: so one timer per loop looks after them.
#pragma once

#include "core/net/loop/clock.h"
#include "core/net/loop/loops.h"

#include <memory>
#include <vector>

namespace penstock::net {

class SrtViewer;

/// Each loop uses its own part.
class SrtBlocked : public std::enable_shared_from_this<SrtBlocked> {
public:
    explicit SrtBlocked(std::shared_ptr<Loops> loops);
    /// On the viewer's loop: it goes on within some milliseconds.
    void add(std::shared_ptr<SrtViewer> viewer, size_t loop);

private:
    struct PerLoop {
        std::unique_ptr<Timer> timer;
        std::vector<std::shared_ptr<SrtViewer>> viewers, on_turn;
    };
    void serve(size_t loop);

    const std::shared_ptr<Loops> loops_;
    std::vector<PerLoop> per_loop_;
};

} // namespace penstock::net
