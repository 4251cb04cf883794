// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of ladder: properties and pads. See ladder_bin.h for the implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::transcode {
class Ladder;
}

G_BEGIN_DECLS

struct PenstockLadder {
    GstBin parent;
    penstock::transcode::Ladder *impl;
};
struct PenstockLadderClass {
    GstBinClass parent_class;
};
GType penstock_ladder_get_type();
GST_ELEMENT_REGISTER_DECLARE(ladder)

G_END_DECLS
