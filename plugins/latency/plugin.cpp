// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstocklatency.
#include "config.h"

#include "gst/core_log.h"
#include "latency/latencyread.h"
#include "latency/latencysei.h"
#include "latency/latencystamp.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    gboolean any = FALSE;
    any |= GST_ELEMENT_REGISTER(latencystamp, plugin);
    any |= GST_ELEMENT_REGISTER(latencyread, plugin);
    any |= GST_ELEMENT_REGISTER(latencysei, plugin);
    return any;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstocklatency,
                  "Penstock: latency, measured by stamps", plugin_init, VERSION, "LGPL", PACKAGE,
                  "https://github.com/penstock/penstock")
