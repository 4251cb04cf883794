// SPDX-License-Identifier: LGPL-2.1-or-later
// Configuration in caps: codec_data and streamheader.
#pragma once

#include "core/bytes/bytes.h"
#include "gst/ptr.h"

#include <gst/gst.h>

#include <initializer_list>
#include <vector>

namespace penstock::flv {

inline GstPtr<GstBuffer> copy_to_buffer(ByteView bytes) {
    return GstPtr<GstBuffer>::adopt(
        gst_buffer_new_wrapped(g_memdup2(bytes.data(), bytes.size()), bytes.size()));
}

inline std::vector<uint8_t> content_of(GstBuffer *buffer) {
    std::vector<uint8_t> data(gst_buffer_get_size(buffer));
    data.resize(gst_buffer_extract(buffer, 0, data.data(), data.size()));
    return data;
}

/// False if there is none.
inline bool codec_data_of(const GstCaps *caps, std::vector<uint8_t> &data) {
    const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
    if (!value || !GST_VALUE_HOLDS_BUFFER(value)) return false;
    data = content_of(gst_value_get_buffer(value));
    return !data.empty();
}

/// The first buffer of the streamheader; false if there is none.
inline bool first_header_of(const GstCaps *caps, std::vector<uint8_t> &data) {
    const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "streamheader");
    if (!list || !GST_VALUE_HOLDS_ARRAY(list) || gst_value_array_get_size(list) == 0) return false;
    const GValue *first = gst_value_array_get_value(list, 0);
    if (!GST_VALUE_HOLDS_BUFFER(first)) return false;
    data = content_of(gst_value_get_buffer(first));
    return !data.empty();
}

inline void set_stream_header(GstCaps *caps, std::initializer_list<ByteView> parts) {
    GValue list = G_VALUE_INIT, item = G_VALUE_INIT;
    g_value_init(&list, GST_TYPE_ARRAY);
    for (const ByteView part : parts) {
        g_value_init(&item, GST_TYPE_BUFFER);
        gst_value_take_buffer(&item, copy_to_buffer(part).release());
        gst_value_array_append_and_take_value(&list, &item);
        item = G_VALUE_INIT;
    }
    gst_structure_take_value(gst_caps_get_structure(caps, 0), "streamheader", &list);
}

} // namespace penstock::flv
