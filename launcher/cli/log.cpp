// SPDX-License-Identifier: LGPL-2.1-or-later
// The log function of the launcher.
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
/// The file named by GST_DEBUG_FILE; never closed
FILE *debug_file = nullptr;

void write_log(GstDebugCategory *category, GstDebugLevel level, const gchar *file,
               const gchar *function, gint line, GObject *object, GstDebugMessage *message,
               gpointer wants_all) {
    if (wants_all) {
        // Log lines contain launch lines and properties, so secrets must be removed.
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
    // Element errors and warnings are also posted on the bus, with more detail.
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
    // gst_debug_set_active() is not used: every log line would be looked up before it is dropped,
    // which takes a fifth of a small stream's CPU time.
    gst_debug_set_threshold_for_name("penstock-*", GST_LEVEL_WARNING);
}

} // namespace penstock::cli
