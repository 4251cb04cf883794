// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockflv.
#include "config.h"

#include "flv/flvlivedemux.h"
#include "flv/flvlivemux.h"
#include "gst/core_log.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(flvlivedemux, plugin) && GST_ELEMENT_REGISTER(flvlivemux, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockflv,
                  "Penstock: live FLV, muxed and demuxed", plugin_init, VERSION, "LGPL", PACKAGE,
                  "https://github.com/penstock/penstock")
