// SPDX-License-Identifier: LGPL-2.1-or-later
// The property `stats`: fields common to all elements.
#pragma once

#include "gst/ptr.h"

#include <atomic>

namespace penstock {

/// A snapshot; bytes and buffers since the element started.
struct Stats {
    guint64 bytes_in = 0, bytes_out = 0, buffers_in = 0, buffers_out = 0;
    guint64 drops = 0;
    guint peers = 0;
    gint64 since = 0; ///< monotonic, µs; 0 while stopped

    /// A structure with these fields, `uptime` in ns; elements add their own.
    GstPtr<GstStructure> to_structure() const;
};

/// Lock-free counters.
struct Counters {
    std::atomic<guint64> bytes_in = 0, bytes_out = 0, buffers_in = 0, buffers_out = 0, drops = 0;
    std::atomic<gint64> since = 0; ///< monotonic, µs; 0 while stopped

    void start() {
        bytes_in = bytes_out = buffers_in = buffers_out = drops = 0;
        since = g_get_monotonic_time();
    }
    void stop() { since = 0; }
    void in(gsize size) {
        bytes_in += size;
        ++buffers_in;
    }
    void out(gsize size) {
        bytes_out += size;
        ++buffers_out;
    }
    Stats with_peers(guint peers) const {
        return {bytes_in, bytes_out, buffers_in, buffers_out, drops, peers, since};
    }
};

} // namespace penstock
