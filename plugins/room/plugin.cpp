// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockroom.
#include "config.h"

#include "gst/core_log.h"
#include "room/roommixer.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(roommixer, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockroom,
                  "Penstock: conferences mixed into one stream", plugin_init, VERSION, "LGPL",
                  PACKAGE, "https://github.com/penstock/penstock")
