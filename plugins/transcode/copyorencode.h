// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of copyorencode: properties and pads. See converter.h for the implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::transcode {
class Converter;
}

G_BEGIN_DECLS

struct PenstockCopyOrEncode {
    GstBin parent;
    penstock::transcode::Converter *impl;
};
struct PenstockCopyOrEncodeClass {
    GstBinClass parent_class;
};
GType penstock_copy_or_encode_get_type();
GST_ELEMENT_REGISTER_DECLARE(copyorencode)

G_END_DECLS
