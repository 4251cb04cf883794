// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of flvlivedemux. See demuxer.h for the implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::flv {
class Demuxer;
} // namespace penstock::flv

G_BEGIN_DECLS

struct PenstockFlvLiveDemux {
    GstElement parent;
    penstock::flv::Demuxer *impl;
};
struct PenstockFlvLiveDemuxClass {
    GstElementClass parent_class;
};
GType penstock_flvlivedemux_get_type();
/// Makes a source pad of this template with this element's functions; floating.
GstPad *penstock_flvlivedemux_new_pad(GstElement *element, const char *templ, const char *name);
GST_ELEMENT_REGISTER_DECLARE(flvlivedemux)

G_END_DECLS
