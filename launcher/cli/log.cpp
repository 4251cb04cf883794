// SPDX-License-Identifier: LGPL-2.1-or-later
// The launcher's one log function.
#include "cli/log.h"

#include "cli/output.h"
#include "gst/core_log.h"

#include <gst/gst.h>

#include <string>
#include <string_view>

namespace penstock::cli {
namespace {

constexpr std::string_view prefix = "penstock-";

void write_log(GstDebugCategory *category, GstDebugLevel level, const gchar *file,
               const gchar *function, gint line, GObject *object, GstDebugMessage *message,
               gpointer wants_all) {
    if (wants_all) {
        gst_debug_log_default(category, level, file, function, line, object, message, nullptr);
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
    install_core_log();
    gst_debug_remove_log_function(gst_debug_log_default);
    gst_debug_add_log_function(write_log, wants_all ? GINT_TO_POINTER(1) : nullptr, nullptr);
    if (wants_all) return;
    gst_debug_set_active(TRUE);
    gst_debug_set_threshold_for_name("penstock-*", GST_LEVEL_WARNING);
}

} // namespace penstock::cli
