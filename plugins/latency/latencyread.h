// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of latencyread. See gauge.h for the implementation.
#pragma once

#include <gst/video/gstvideofilter.h>

namespace penstock::latency {
class Gauge;
}

G_BEGIN_DECLS

struct PenstockLatencyRead {
    GstVideoFilter parent;
    penstock::latency::Gauge *impl;
};
struct PenstockLatencyReadClass {
    GstVideoFilterClass parent_class;
};
GType penstock_latencyread_get_type();
GST_ELEMENT_REGISTER_DECLARE(latencyread)

G_END_DECLS
