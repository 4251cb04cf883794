// SPDX-License-Identifier: LGPL-2.1-or-later
// Where an installed Penstock has its files. A tree that was moved, or staged with DESTDIR, is
// found from the program's own place in it.
#pragma once

#include <filesystem>

namespace penstock::description {

/// The descriptions that ship.
std::filesystem::path installed_pipelines_dir();
/// The system's configuration: /etc/penstock with the prefix /usr.
std::filesystem::path installed_config_dir();
/// The benchmark's programs.
std::filesystem::path installed_bench_dir();
/// Lets GStreamer find the installed plugins in a prefix that it does not look in. What
/// GST_PLUGIN_PATH names comes first. To be called before gst_init() and before any thread.
void add_installed_plugins();

} // namespace penstock::description
