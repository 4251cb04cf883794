// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of livefilesrc: properties and states. See file_source.h for the implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::file {
class FileSource;
}

G_BEGIN_DECLS

struct PenstockLiveFileSrc {
    GstBin parent;
    penstock::file::FileSource *impl;
};
struct PenstockLiveFileSrcClass {
    GstBinClass parent_class;
};
GType penstock_live_file_src_get_type();
GST_ELEMENT_REGISTER_DECLARE(livefilesrc)

G_END_DECLS
