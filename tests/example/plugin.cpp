// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockexample.
#include "config.h"

#include "elements.h"
#include "gst/core_log.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(linesserversrc, plugin) &&
           GST_ELEMENT_REGISTER(linesserversink, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockexample,
                  "Penstock: how a protocol is added, by an example", plugin_init, VERSION, "LGPL",
                  PACKAGE, "https://github.com/penstock/penstock")
