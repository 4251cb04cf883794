// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/installed.h"

#include "config.h"

#include <glib.h>

#include <string>

namespace penstock::description {

namespace fs = std::filesystem;

namespace {

/// Translates `configured` relative to the running program if the result exists; else unchanged.
fs::path relocated(const fs::path &configured) {
    std::error_code code;
    const fs::path program = fs::read_symlink("/proc/self/exe", code);
    if (code) return configured;
    const fs::path beside =
        (program.parent_path() / configured.lexically_relative(PENSTOCK_BIN_DIR))
            .lexically_normal();
    return fs::is_directory(beside, code) ? beside : configured;
}

} // namespace

fs::path installed_pipelines_dir() {
    return relocated(PENSTOCK_PIPELINES_DIR);
}

fs::path installed_config_dir() {
    return relocated(PENSTOCK_CONFIG_DIR);
}

fs::path installed_bench_dir() {
    return relocated(PENSTOCK_BENCH_DIR);
}

void add_installed_plugins() {
    const fs::path plugins = relocated(PENSTOCK_PLUGINS_DIR);
    std::error_code code;
    if (plugins == GST_PLUGINS_DIR || !fs::is_directory(plugins, code)) return;
    // GStreamer prefers the versioned variable and then ignores the other.
    const char *name = g_getenv("GST_PLUGIN_PATH_1_0") ? "GST_PLUGIN_PATH_1_0" : "GST_PLUGIN_PATH";
    const char *given = g_getenv(name);
    const std::string path = given && *given ? given + std::string(":") : "";
    g_setenv(name, (path + plugins.string()).c_str(), TRUE);
}

} // namespace penstock::description
