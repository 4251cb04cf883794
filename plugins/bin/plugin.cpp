// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin penstockbin.
#include "config.h"

#include "bin/penstockbin.h"

static gboolean plugin_init(GstPlugin *plugin) {
    return GST_ELEMENT_REGISTER(penstockbin, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, penstockbin,
                  "Penstock: a description as an element", plugin_init, VERSION, "LGPL", PACKAGE,
                  "https://github.com/penstock/penstock")
