// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/bytes.h"

namespace penstock {
namespace {

struct Mapped {
    GstBuffer *buffer;
    GstMapInfo map;
    explicit Mapped(GstBuffer *b) : buffer(gst_buffer_ref(b)) {
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) {
            gst_buffer_unref(buffer);
            buffer = nullptr;
        }
    }
    ~Mapped() {
        if (!buffer) return;
        gst_buffer_unmap(buffer, &map);
        gst_buffer_unref(buffer);
    }
    Mapped(const Mapped &) = delete;
    Mapped &operator=(const Mapped &) = delete;
};

bool may_be_held(GstBuffer *buffer) {
    return buffer->pool == nullptr && gst_buffer_n_memory(buffer) == 1 &&
           gst_memory_is_type(gst_buffer_peek_memory(buffer, 0), GST_ALLOCATOR_SYSMEM);
}

} // namespace

Bytes bytes_of(GstBuffer *buffer) {
    if (may_be_held(buffer)) {
        auto mapped = std::make_shared<Mapped>(buffer);
        if (mapped->buffer) {
            const uint8_t *data = mapped->map.data;
            const size_t size = mapped->map.size;
            return Bytes(std::move(mapped), data, size);
        }
    }
    std::vector<uint8_t> copy(gst_buffer_get_size(buffer));
    copy.resize(gst_buffer_extract(buffer, 0, copy.data(), copy.size()));
    return Bytes::adopt(std::move(copy));
}

GstPtr<GstBuffer> buffer_of(const Bytes &bytes) {
    auto *owner = new Bytes(bytes);
    return GstPtr<GstBuffer>::adopt(gst_buffer_new_wrapped_full(
        GST_MEMORY_FLAG_READONLY, const_cast<uint8_t *>(bytes.data()), bytes.size(), 0,
        bytes.size(), owner, [](gpointer p) { delete static_cast<Bytes *>(p); }));
}

} // namespace penstock
