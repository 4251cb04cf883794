// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends the core library's log to GstDebug. Every plugin calls it once from its plugin_init.
#pragma once

namespace penstock {

/// Categories become "penstock-rtmp", "penstock-http", …
void install_core_log();

} // namespace penstock
