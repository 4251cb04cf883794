// SPDX-License-Identifier: LGPL-2.1-or-later
// The pads of hlssegmenter: how they are requested, and what they pass to its implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::hls {

/// Pad templates and the functions of request pads, for the element's class.
void install_pads(GstElementClass *klass);
/// GstChildProxy, by which the pads' properties are set.
void init_child_proxy(gpointer iface, gpointer data);

} // namespace penstock::hls
