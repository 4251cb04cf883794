// SPDX-License-Identifier: LGPL-2.1-or-later
// The launcher's one log function.
#include "cli/log.h"

#include "cli/output.h"
#include "gst/core_log.h"
#include "gst/ptr.h"

#include <gst/gst.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace penstock::cli {
namespace {

constexpr std::string_view prefix = "penstock-";
/// GST_DEBUG_FILE, as in other GStreamer programs; open to the end.
FILE *debug_file = nullptr;

void write_log(GstDebugCategory *category, GstDebugLevel level, const gchar *file,
               const gchar *function, gint line, GObject *object, GstDebugMessage *message,
               gpointer wants_all) {
    if (wants_all) {
        // Launch lines and properties are logged, with whatever secret is in them.
        const GOwned<> text(
            gst_debug_log_get_line(category, level, file, function, line, object, message));
        if (debug_file)
            std::fputs(Output::get().scrub(text.get()).c_str(), debug_file);
        else
            Output::get().plain_error(text.get());
        return;
    }
    std::string_view name = gst_debug_category_get_name(category);
    if (level > GST_LEVEL_WARNING || !name.starts_with(prefix)) return;
    const gchar *text = gst_debug_message_get(message);
    if (!text) return;
    // Element messages come by the bus as well, with more to say.
    const std::string_view words = text;
    if (words.starts_with("error: ") || words.starts_with("warning: ")) return;
    const std::string line_text = std::string(name.substr(prefix.size())) + ": " + text;
    if (level == GST_LEVEL_ERROR)
        Output::get().error(line_text);
    else
        Output::get().warning(line_text);
}

} // namespace

void install_log() {
    const bool wants_all = g_getenv("GST_DEBUG") != nullptr;
    if (const char *path = g_getenv("GST_DEBUG_FILE"); wants_all && path)
        debug_file = std::fopen(path, "w");
    install_core_log();
    gst_debug_remove_log_function(gst_debug_log_default);
    gst_debug_add_log_function(write_log, wants_all ? GINT_TO_POINTER(1) : nullptr, nullptr);
    if (wants_all) return;
    // Not gst_debug_set_active(): with it every log line of GStreamer is looked up before it is
    // dropped, a fifth of what a small stream costs.
    gst_debug_set_threshold_for_name("penstock-*", GST_LEVEL_WARNING);
}

} // namespace penstock::cli
