// SPDX-License-Identifier: LGPL-2.1-or-later
// A sink pad of hlssegmenter: its properties say what a multivariant playlist says of its track.
#pragma once

#include <gst/gst.h>

#include <string>

G_BEGIN_DECLS

#define PENSTOCK_TYPE_HLS_SEGMENTER_PAD (penstock_hls_segmenter_pad_get_type())
G_DECLARE_FINAL_TYPE(PenstockHlsSegmenterPad, penstock_hls_segmenter_pad, PENSTOCK,
                     HLS_SEGMENTER_PAD, GstPad)

G_END_DECLS

namespace penstock::hls {

/// A pad's properties. Thread-safe.
struct PadSettings {
    std::string title, language; ///< empty: by tags
    bool is_default = false;
};
PadSettings settings_of(GstPad *pad);

} // namespace penstock::hls
