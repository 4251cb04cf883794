// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of tslivemux. See muxer.h for the implementation.
#pragma once

#include "gst/live_muxer_class.h"

G_BEGIN_DECLS

struct PenstockTsLiveMux {
    LiveMuxerElement element;
};
struct PenstockTsLiveMuxClass {
    GstAggregatorClass parent_class;
};
GType penstock_tslivemux_get_type();
GST_ELEMENT_REGISTER_DECLARE(tslivemux)

G_END_DECLS
