// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockrtmp.
#include "config.h"

#include "gst/core_log.h"
#include "rtmp/rtmppullsrc.h"
#include "rtmp/rtmppushsink.h"
#include "rtmp/rtmpserversink.h"
#include "rtmp/rtmpserversrc.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(rtmpserversrc, plugin) &&
           GST_ELEMENT_REGISTER(rtmpserversink, plugin) &&
           GST_ELEMENT_REGISTER(rtmppushsink, plugin) && GST_ELEMENT_REGISTER(rtmppullsrc, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockrtmp,
                  "Penstock: an RTMP server, and a client that publishes and plays", plugin_init,
                  VERSION, "LGPL", PACKAGE, "https://github.com/penstock/penstock")
