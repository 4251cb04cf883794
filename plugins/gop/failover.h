// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of failover: properties, pads, states. See failover_switch.h for the implementation.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS
GST_ELEMENT_REGISTER_DECLARE(failover)
G_END_DECLS
