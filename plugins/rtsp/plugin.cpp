// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockrtsp.
#include "config.h"

#include "gst/core_log.h"
#include "rtsp/rtsppullsrc.h"
#include "rtsp/rtspserversink.h"
#include "rtsp/rtspserversrc.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(rtspserversrc, plugin) &&
           GST_ELEMENT_REGISTER(rtspserversink, plugin) &&
           GST_ELEMENT_REGISTER(rtsppullsrc, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockrtsp,
                  "Penstock: an RTSP server, and a client for cameras", plugin_init, VERSION,
                  "LGPL", PACKAGE, "https://github.com/penstock/penstock")
