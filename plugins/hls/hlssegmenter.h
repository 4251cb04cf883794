// SPDX-License-Identifier: LGPL-2.1-or-later
// The element hlssegmenter.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define PENSTOCK_TYPE_HLS_SEGMENTER (penstock_hls_segmenter_get_type())
GType penstock_hls_segmenter_get_type(void);

GST_ELEMENT_REGISTER_DECLARE(hlssegmenter)

G_END_DECLS

namespace penstock::hls {
class Sink;
}

struct PenstockHlsSegmenter {
    GstElement parent;
    penstock::hls::Sink *impl;
};
struct PenstockHlsSegmenterClass {
    GstElementClass parent_class;
};
