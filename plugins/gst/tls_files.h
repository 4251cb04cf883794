// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties of elements that serve HTTPS or RTMPS.
#pragma once

#include "core/net/tls/files.h"

#include <gst/gst.h>

#include <string>

namespace penstock {

/// Installs two string properties, empty by default and changeable in READY.
void install_tls_files(GObjectClass *klass, guint certificate, guint key);

/// Posts a warning if the files that an element was given have no effect: its location is served
/// without TLS, and no open listener of this process uses them either. A description may give one
/// pair to all its elements, so there is one warning for each pair and process. Call when the
/// location is open.
void warn_of_idle_tls(GstElement *element, const std::string &location, const net::TlsFiles &given);

} // namespace penstock
