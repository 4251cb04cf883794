// SPDX-License-Identifier: LGPL-2.1-or-later
// Notifies a server of publishers and viewers that come and go.
#pragma once

#include "authorize/policy.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace penstock::authorize {

/// Sends events one after the other, in order. An event that is not answered with 2xx is sent up to
/// three times with the same id, then dropped.
class Notifier : public std::enable_shared_from_this<Notifier> {
public:
    static constexpr size_t max_queued = 1'000;

    explicit Notifier(Server server);
    /// Any thread. Drops the new event if too many are waiting.
    void tell(Event event, Request request);

private:
    void send();
    void on_reply(bool is_taken, const std::string &reason);

    struct Waiting {
        Body body;
        std::string id;
    };
    const Server server_;
    // Used on the worker's thread.
    std::deque<Waiting> queue_; ///< the first one is being sent
    unsigned attempts_ = 0;
    bool is_full_ = false; ///< that has been logged
};

} // namespace penstock::authorize
