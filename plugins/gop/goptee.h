// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of goptee: properties, pads, states. See tee.h for the implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::gop {
class Tee;
Tee &tee_of(gpointer element);
} // namespace penstock::gop

G_BEGIN_DECLS

struct PenstockGopTee {
    GstElement parent;
    penstock::gop::Tee *impl;
};
struct PenstockGopTeeClass {
    GstElementClass parent_class;
};
GType penstock_gop_tee_get_type();
GST_ELEMENT_REGISTER_DECLARE(goptee)

G_END_DECLS
