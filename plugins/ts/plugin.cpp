// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockts.
#include "config.h"

#include "gst/core_log.h"
#include "ts/tslivedemux.h"
#include "ts/tslivemux.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(tslivemux, plugin) && GST_ELEMENT_REGISTER(tslivedemux, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockts, "Penstock: MPEG-TS",
                  plugin_init, VERSION, "LGPL", PACKAGE, "https://github.com/penstock/penstock")
