// SPDX-License-Identifier: LGPL-2.1-or-later
// Forwards the core library's log to GstDebug. Every plugin calls it once, in plugin_init.
#pragma once

namespace penstock {

/// Categories are named "penstock-rtmp", "penstock-http", …
void install_core_log();

} // namespace penstock
