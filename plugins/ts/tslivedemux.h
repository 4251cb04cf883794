// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of tslivedemux. See demuxer.h for the implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::ts {
class Demuxer;
} // namespace penstock::ts

G_BEGIN_DECLS

struct PenstockTsLiveDemux {
    GstElement parent;
    penstock::ts::Demuxer *impl;
};
struct PenstockTsLiveDemuxClass {
    GstElementClass parent_class;
};
GType penstock_tslivedemux_get_type();
/// Makes a source pad of this template with this element's functions; floating.
GstPad *penstock_tslivedemux_new_pad(GstElement *element, const char *templ, const char *name);
GST_ELEMENT_REGISTER_DECLARE(tslivedemux)

G_END_DECLS
