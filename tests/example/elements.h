// SPDX-License-Identifier: LGPL-2.1-or-later
// The elements of the plugin penstockexample.
#pragma once

#include <gst/gst.h>

GST_ELEMENT_REGISTER_DECLARE(linesserversrc)
GST_ELEMENT_REGISTER_DECLARE(linesserversink)
