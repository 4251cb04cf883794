// SPDX-License-Identifier: LGPL-2.1-or-later
// Starts threads without throwing, because a process may reach its limit (`ulimit -u`, pids.max).
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace penstock::net {

/// Starts a thread that runs `run`. On failure the result is not joinable and `reason`, if given,
/// says why and which limit to raise. Thread-safe; never throws.
std::thread start_thread(std::function<void()> run, std::string *reason = nullptr) noexcept;

/// For tests: lets start_thread() start `count` more threads and then fail as the kernel does;
/// negative (the default): no limit. Thread-safe.
void limit_threads(int count);

} // namespace penstock::net
