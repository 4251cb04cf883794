// SPDX-License-Identifier: LGPL-2.1-or-later
// The element message `penstock-no-stream`: nothing will come out of a pad.
#pragma once

#include <gst/gst.h>

#include <string>

namespace penstock {

inline constexpr const char *no_stream_message = "penstock-no-stream";

/// Tells the application that nothing comes out of `pad`, as long as it is not told otherwise, and
/// why; an empty reason says that something may come again. Nothing may be locked.
inline void post_no_stream(GstElement *element, GstPad *pad, const std::string &reason) {
    gst_element_post_message(
        element,
        gst_message_new_element(GST_OBJECT(element),
                                gst_structure_new(no_stream_message, "pad", G_TYPE_STRING,
                                                  GST_OBJECT_NAME(pad), "reason", G_TYPE_STRING,
                                                  reason.c_str(), nullptr)));
}

} // namespace penstock
