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

/// The thread on which authorization takes place. All functions may be called from any thread.
namespace worker {

/// Runs `work` on the thread. Returns false without running it if too many tasks are waiting.
bool post(std::function<void()> work);
/// Runs `work` on the thread after a delay.
void post_after(uint64_t delay_ms, std::function<void()> work);
/// Calls `done` on the thread, once. At most `max_calls` are made at a time, and `max_queued` wait;
/// more fail at once. Redirects are not followed.
void request(Call call, Replied done);

inline constexpr size_t max_calls = 32, max_queued = 1'000, max_work = 4'000;

} // namespace worker

} // namespace penstock::authorize
