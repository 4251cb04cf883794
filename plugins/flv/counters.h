// SPDX-License-Identifier: LGPL-2.1-or-later
// The common fields of an element's `stats`, counted without a lock.
#pragma once

#include <gst/gst.h>

#include <atomic>

namespace penstock::flv {

struct Counters {
    std::atomic<guint64> bytes_in = 0, bytes_out = 0, buffers_in = 0, buffers_out = 0, drops = 0;
    std::atomic<gint64> started = 0; ///< monotonic microseconds; 0 while stopped

    void start() {
        bytes_in = bytes_out = buffers_in = buffers_out = drops = 0;
        started = g_get_monotonic_time();
    }
    void stop() { started = 0; }
    void in(GstBuffer *buffer) {
        bytes_in += gst_buffer_get_size(buffer);
        ++buffers_in;
    }
    void out(gsize size) {
        bytes_out += size;
        ++buffers_out;
    }

    /// A structure with the fields that every element has; the caller owns it and adds its own.
    GstStructure *to_structure(const char *name, guint peers) const {
        const gint64 since = started;
        const guint64 uptime =
            since ? static_cast<guint64>(g_get_monotonic_time() - since) * 1000 : 0;
        return gst_structure_new(
            name, "bytes-in", G_TYPE_UINT64, guint64(bytes_in), "bytes-out", G_TYPE_UINT64,
            guint64(bytes_out), "buffers-in", G_TYPE_UINT64, guint64(buffers_in), "buffers-out",
            G_TYPE_UINT64, guint64(buffers_out), "drops", G_TYPE_UINT64, guint64(drops), "peers",
            G_TYPE_UINT, peers, "uptime", G_TYPE_UINT64, uptime, nullptr);
    }
};

} // namespace penstock::flv
