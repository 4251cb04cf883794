// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP requests to servers that the user has named. They run on one thread of their own, so that
// neither a network loop nor the main loop waits for them.
#pragma once

#include "authorize/callback.h"
#include "authorize/url.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::authorize {

struct Call {
    Url url;
    std::string method = "POST";
    Body body;
    std::vector<std::pair<std::string, std::string>> headers;
    uint64_t timeout_ms = 3'000; ///< for all of it, the time in the queue included
    size_t max_reply = 64 << 10; ///< bytes of the answer's body
};

/// If there is no reply, `error` has the reason.
using Replied = std::function<void(std::optional<Reply> reply, const std::string &error)>;

/// The thread on which authorization takes place. It is started when it is first needed, and again
/// later if that fails. All functions but post_after() may be called from any thread.
namespace worker {

/// Runs `work` on the thread. Returns false without running it, and sets the reason, if too many
/// tasks are waiting or the thread can't be started.
bool post(std::function<void()> work, std::string *reason);
/// Runs `work` on the thread after a delay. Must be called on the thread.
void post_after(uint64_t delay_ms, std::function<void()> work);
/// Calls `done` once: on the thread, or at once if the thread can't be started. At most `max_calls`
/// are made at a time, and `max_queued` wait; more fail at once. Redirects are not followed.
void request(Call call, Replied done);

inline constexpr size_t max_calls = 32, max_queued = 1'000, max_work = 4'000;

} // namespace worker

} // namespace penstock::authorize
