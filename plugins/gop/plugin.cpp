// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockgop.
#include "config.h"

#include "gop/failover.h"
#include "gop/gopsrc.h"
#include "gop/goptee.h"
#include "gst/core_log.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(goptee, plugin) && GST_ELEMENT_REGISTER(gopsrc, plugin) &&
           GST_ELEMENT_REGISTER(failover, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockgop,
                  "Penstock: remembers GOPs, shares and switches encoded streams", plugin_init,
                  VERSION, "LGPL", PACKAGE, "https://github.com/penstock/penstock")
