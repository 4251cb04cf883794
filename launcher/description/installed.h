// SPDX-License-Identifier: LGPL-2.1-or-later
// Locations of installed files. If the installation was moved or staged with DESTDIR, they are
// derived from the location of the running program.
#pragma once

#include <filesystem>

namespace penstock::description {

/// The descriptions that come with Penstock.
std::filesystem::path installed_pipelines_dir();
/// The system-wide configuration: /etc/penstock for the prefix /usr.
std::filesystem::path installed_config_dir();
/// The benchmark's programs.
std::filesystem::path installed_bench_dir();
/// Adds the installed plugins to GStreamer's search path if their prefix is not on it.
/// GST_PLUGIN_PATH takes precedence. Call before gst_init() and before starting threads.
void add_installed_plugins();

} // namespace penstock::description
