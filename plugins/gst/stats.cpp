// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/stats.h"

namespace penstock {

GstPtr<GstStructure> Stats::to_structure() const {
    const gint64 up = since ? g_get_monotonic_time() - since : 0;
    return GstPtr<GstStructure>::adopt(gst_structure_new(
        "penstock-stats", "bytes-in", G_TYPE_UINT64, bytes_in, "bytes-out", G_TYPE_UINT64,
        bytes_out, "buffers-in", G_TYPE_UINT64, buffers_in, "buffers-out", G_TYPE_UINT64,
        buffers_out, "drops", G_TYPE_UINT64, drops, "peers", G_TYPE_UINT, peers, "uptime",
        G_TYPE_UINT64, static_cast<guint64>(up) * GST_USECOND, nullptr));
}

} // namespace penstock
