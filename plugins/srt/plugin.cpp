// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstocksrt.
#include "config.h"

#include "gst/core_log.h"
#include "srt/srtliveserversink.h"
#include "srt/srtliveserversrc.h"
#include "srt/srtpullsrc.h"
#include "srt/srtpushsink.h"

static gboolean plugin_init(GstPlugin *plugin) {
    penstock::install_core_log();
    return GST_ELEMENT_REGISTER(srtliveserversrc, plugin) &&
           GST_ELEMENT_REGISTER(srtliveserversink, plugin) &&
           GST_ELEMENT_REGISTER(srtpushsink, plugin) && GST_ELEMENT_REGISTER(srtpullsrc, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstocksrt,
                  "Penstock: an SRT server for any number of callers, and clients", plugin_init,
                  VERSION, "LGPL", PACKAGE, "https://github.com/penstock/penstock")
