// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockfile.
#include "config.h"

#include "file/livefilesrc.h"
#include "gst/core_log.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(livefilesrc, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockfile,
                  "Penstock: media files as live sources", plugin_init, VERSION, "LGPL", PACKAGE,
                  "https://github.com/penstock/penstock")
