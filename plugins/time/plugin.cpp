// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstocktime.
#include "config.h"

#include "time/timestamprepair.h"

static gboolean plugin_init(GstPlugin *plugin) {
    return GST_ELEMENT_REGISTER(timestamprepair, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstocktime, "Penstock: timestamps",
                  plugin_init, VERSION, "LGPL", PACKAGE, "https://github.com/penstock/penstock")
