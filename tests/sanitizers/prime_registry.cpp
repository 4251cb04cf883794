// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills the registry shared by the element tests. Run first under a sanitizer, whose leak check
// would report leaks of the plugin scan.
#include <gst/gst.h>

#include <cstdio>

int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    GstPlugin *core = gst_registry_find_plugin(gst_registry_get(), "coreelements");
    if (!core) {
        std::fprintf(stderr, "GStreamer finds no plugins in GST_PLUGIN_SYSTEM_PATH\n");
        return 1;
    }
    gst_object_unref(core);
    return 0;
}
