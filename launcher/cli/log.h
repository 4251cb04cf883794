// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace penstock::cli {

/// From now on warnings and errors of our own categories go to stderr in one readable form. With
/// GST_DEBUG set, GStreamer's own log is written as ever. After gst_init().
void install_log();

} // namespace penstock::cli
