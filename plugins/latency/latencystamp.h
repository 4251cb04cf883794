// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of latencystamp. See stamper.h for the implementation.
#pragma once

#include <gst/video/gstvideofilter.h>

namespace penstock::latency {
class Stamper;
}

G_BEGIN_DECLS

struct PenstockLatencyStamp {
    GstVideoFilter parent;
    penstock::latency::Stamper *impl;
};
struct PenstockLatencyStampClass {
    GstVideoFilterClass parent_class;
};
GType penstock_latencystamp_get_type();
GST_ELEMENT_REGISTER_DECLARE(latencystamp)

G_END_DECLS
