// SPDX-License-Identifier: LGPL-2.1-or-later
// The core library's log. It knows no GStreamer: plugins/gst installs a function that maps it to
// GstDebug.
#pragma once

#include <string>

namespace penstock::net {

/// The numbers are GstDebugLevel's.
enum class LogLevel { error = 1, warning = 2, info = 4, debug = 5, log = 6 };

using LogFunction = void (*)(LogLevel level, const char *category, const std::string &text);
/// Process-wide; nullptr is silence.
void set_log_function(LogFunction function);
/// `category` is a literal: "rtmp", "http", "hls".
void log(LogLevel level, const char *category, const std::string &text);

} // namespace penstock::net
