// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockhls.
#include "config.h"

#include "gst/core_log.h"
#include "hls/hlssegmenter.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(hlssegmenter, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockhls,
                  "Penstock: serves streams over HLS", plugin_init, VERSION, "LGPL", PACKAGE,
                  "https://github.com/penstock/penstock")
