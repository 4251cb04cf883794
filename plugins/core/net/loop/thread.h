// SPDX-License-Identifier: LGPL-2.1-or-later
// Starts threads without an exception: a process may be out of them (`ulimit -u`, pids.max).
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace penstock::net {

/// Starts a thread that calls `run`. Not joinable if that fails: `reason`, if given, then says why
/// and what to raise. Any thread; never throws.
std::thread start_thread(std::function<void()> run, std::string *reason = nullptr) noexcept;

/// For tests: start_thread() starts this many threads more, then fails as the kernel does where
/// there are too many; a negative number (the default) is no limit. Any thread.
void limit_threads(int count);

} // namespace penstock::net
