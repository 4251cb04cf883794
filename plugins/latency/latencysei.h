// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of latencysei. See hop_stamps.h for the implementation.
#pragma once

#include <gst/base/gstbasetransform.h>

namespace penstock::latency {
class HopStamps;
}

G_BEGIN_DECLS

struct PenstockLatencySei {
    GstBaseTransform parent;
    penstock::latency::HopStamps *impl;
    GstPadChainFunction base_chain; ///< what GstBaseTransform gave its sink pad
};
struct PenstockLatencySeiClass {
    GstBaseTransformClass parent_class;
};
GType penstock_latency_sei_get_type();
GST_ELEMENT_REGISTER_DECLARE(latencysei)

G_END_DECLS
