// SPDX-License-Identifier: LGPL-2.1-or-later
// The action signal by which an application has peers connect again.
#pragma once

#include <gst/gst.h>

namespace penstock::rtmp {

/// Adds `ask-to-reconnect` to an element with `bound-location`: (location, description) as strings,
/// returns whether the location may be sent.
void install_reconnect_signal(GType type, bool publishers);

} // namespace penstock::rtmp
