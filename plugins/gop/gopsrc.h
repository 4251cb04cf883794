// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of gopsrc: properties, pad, states. See channel_reader.h for the implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::gop {
class ChannelReader;
}

G_BEGIN_DECLS

struct PenstockGopSrc {
    GstElement parent;
    penstock::gop::ChannelReader *impl;
};
struct PenstockGopSrcClass {
    GstElementClass parent_class;
};
GType penstock_gop_src_get_type();
GST_ELEMENT_REGISTER_DECLARE(gopsrc)

G_END_DECLS
