// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace penstock::cli {

/// Prints warnings and errors of Penstock's debug categories to stderr in a readable form from now
/// on. With GST_DEBUG set, GStreamer's own log is written as usual. Call after gst_init().
void install_log();

} // namespace penstock::cli
