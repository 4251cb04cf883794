// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtcserversrc.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS
GST_ELEMENT_REGISTER_DECLARE(rtcserversrc);
G_END_DECLS
