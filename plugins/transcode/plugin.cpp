// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstocktranscode.
#include "config.h"

#include "gst/core_log.h"
#include "transcode/copyorencode.h"
#include "transcode/ladder.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(copyorencode, plugin) && GST_ELEMENT_REGISTER(ladder, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstocktranscode,
                  "Penstock: streams passed on or encoded", plugin_init, VERSION, "LGPL", PACKAGE,
                  "https://github.com/penstock/penstock")
