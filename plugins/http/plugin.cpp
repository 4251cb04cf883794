// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockhttp.
#include "config.h"

#include "gst/core_log.h"
#include "http/httpserversink.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(httpserversink, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockhttp,
                  "Penstock: streams over HTTP and WebSocket", plugin_init, VERSION, "LGPL",
                  PACKAGE, "https://github.com/penstock/penstock")
