// SPDX-License-Identifier: LGPL-2.1-or-later
// The bytes of a GstBuffer, for as long as this object lives.
#pragma once

#include "core/bytes/bytes.h"

#include <gst/gst.h>

namespace penstock {

/// Maps a buffer for reading. The buffer must outlive it.
class Mapped {
public:
    explicit Mapped(GstBuffer *buffer) : buffer_(buffer) {
        mapped_ = gst_buffer_map(buffer_, &map_, GST_MAP_READ);
    }
    ~Mapped() {
        if (mapped_) gst_buffer_unmap(buffer_, &map_);
    }
    Mapped(const Mapped &) = delete;
    Mapped &operator=(const Mapped &) = delete;
    /// Empty if the buffer can't be mapped.
    ByteView view() const { return mapped_ ? ByteView(map_.data, map_.size) : ByteView(); }

private:
    GstBuffer *buffer_;
    GstMapInfo map_{};
    bool mapped_ = false;
};

} // namespace penstock
