// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockrtc.
#include "config.h"

#include "gst/core_log.h"
#include "rtc/rtcpullsrc.h"
#include "rtc/rtcpushsink.h"
#include "rtc/rtcroom.h"
#include "rtc/rtcserversink.h"
#include "rtc/rtcserversrc.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(rtcserversrc, plugin) &&
           GST_ELEMENT_REGISTER(rtcserversink, plugin) &&
           GST_ELEMENT_REGISTER(rtcpushsink, plugin) && GST_ELEMENT_REGISTER(rtcpullsrc, plugin) &&
           GST_ELEMENT_REGISTER(rtcroom, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockrtc,
                  "Penstock: WebRTC, published by WHIP and played by WHEP", plugin_init, VERSION,
                  "LGPL", PACKAGE, "https://github.com/penstock/penstock")
