// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of flvlivemux. See muxer.h for the implementation.
#pragma once

#include "gst/live_muxer_class.h"

G_BEGIN_DECLS

struct PenstockFlvLiveMux {
    LiveMuxerElement element;
};
struct PenstockFlvLiveMuxClass {
    GstAggregatorClass parent_class;
};
GType penstock_flvlivemux_get_type();
GST_ELEMENT_REGISTER_DECLARE(flvlivemux)

G_END_DECLS
