// SPDX-License-Identifier: LGPL-2.1-or-later
// Pipelines that end on a thread of their own, since an element may hang, and the wait for them
// before the program ends: a library's destructors would run beside elements that still use it.
#pragma once

#include "gst/ptr.h"

#include <cstdint>
#include <functional>

namespace penstock::supervisor {

/// Sets `pipeline` to NULL on another thread and lets go of it there, or gives it to `down`. On
/// this thread, and before it returns, if the process may have no further thread.
void take_down(GstPtr<GstElement> pipeline, std::function<void(GstPtr<GstElement>)> down = {});

/// Waits `longest` µs for all that take_down() has begun; false if something is left then.
bool wait_for_teardowns(int64_t longest);

/// From now on the memory that ended pipelines have freed is given back to the system within two
/// minutes of the last end, by the default main context: an allocator keeps it otherwise. For a
/// program of our own; call it once, on the main thread.
void give_memory_back();

} // namespace penstock::supervisor
