// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtspserversink.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS
GST_ELEMENT_REGISTER_DECLARE(rtspserversink);
G_END_DECLS
