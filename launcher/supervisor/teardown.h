// SPDX-License-Identifier: LGPL-2.1-or-later
// Stops pipelines on separate threads, because an element may hang, and waits for them before the
// program exits: otherwise library destructors would run while elements still use the libraries.
#pragma once

#include "gst/ptr.h"

#include <cstdint>
#include <functional>

namespace penstock::supervisor {

/// Sets `pipeline` to NULL on another thread and passes it to `down`, or releases it. If no thread
/// can be created, does so on this thread before returning.
void take_down(GstPtr<GstElement> pipeline, std::function<void(GstPtr<GstElement>)> down = {});

/// Waits up to `longest` µs for the teardowns in progress. Returns false if some are still running.
bool wait_for_teardowns(int64_t longest);

/// Enables returning freed memory to the system within two minutes after a pipeline ends, on the
/// default main context; the allocator would keep it otherwise. For the project's own programs.
/// Call once, on the main thread.
void give_memory_back();

} // namespace penstock::supervisor
