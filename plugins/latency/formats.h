// SPDX-License-Identifier: LGPL-2.1-or-later
// Raw video formats supported by latencystamp and latencyread: 8 bits, luma or RGB.
#pragma once

#include <gst/video/video.h>

#define PENSTOCK_LATENCY_FORMATS                                                                   \
    "{ I420, NV12, YUY2, RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR, YV12, NV21, "   \
    "UYVY, Y42B, Y444, GRAY8 }"
