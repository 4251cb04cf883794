// SPDX-License-Identifier: LGPL-2.1-or-later
// The log of the core library. It is independent of GStreamer: plugins/gst installs a function that
// forwards to GstDebug.
#pragma once

#include <string>

namespace penstock::net {

/// The values are those of GstDebugLevel.
enum class LogLevel { error = 1, warning = 2, info = 4, debug = 5, log = 6 };

using LogFunction = void (*)(LogLevel level, const char *category, const std::string &text);
/// Process-wide; nullptr disables logging.
void set_log_function(LogFunction function);
/// `category` is a string literal: "rtmp", "http", "hls".
void log(LogLevel level, const char *category, const std::string &text);

} // namespace penstock::net
