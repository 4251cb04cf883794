// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/bytes.h"

#include "config.h"

namespace penstock {
namespace {

// GstMemory that holds a Bytes: elements unwrap it without mapping, and keep only the bytes, not
// the buffer. Every plugin contains this code; plugins recognize each other's memory by its type
// name, which includes the version because they share the structure.
constexpr char memory_type[] = "penstock-bytes-" VERSION;

struct BytesMemory {
    GstMemory base; ///< its offset and size tell which part of `bytes` it is
    Bytes bytes;
    // Known if `bytes` is an FLV tag:
    uint32_t config = 0; ///< 0: unknown
    uint32_t timestamp = 0;
    flv::TagType type = flv::TagType::script;
    flv::TagKind kind = flv::TagKind::other;
};

BytesMemory *new_memory(GstAllocator *allocator, const Bytes &bytes, GstMemory *parent,
                        gsize offset, gsize size) {
    auto *memory = new BytesMemory{{}, bytes};
    gst_memory_init(&memory->base, GST_MEMORY_FLAG_READONLY, allocator, parent, bytes.size(), 0,
                    offset, size);
    return memory;
}

BytesMemory *as_bytes(GstMemory *memory) {
    return reinterpret_cast<BytesMemory *>(memory);
}

gpointer map(GstMemory *memory, gsize, GstMapFlags) {
    return const_cast<uint8_t *>(as_bytes(memory)->bytes.data());
}

void unmap(GstMemory *) {
}

GstMemory *share(GstMemory *memory, gssize offset, gssize size) {
    const gsize at = static_cast<gsize>(static_cast<gssize>(memory->offset) + offset);
    const gsize count = size < 0 ? memory->offset + memory->size - at : static_cast<gsize>(size);
    return &new_memory(memory->allocator, as_bytes(memory)->bytes,
                       memory->parent ? memory->parent : memory, at, count)
                ->base;
}

void class_init(gpointer klass, gpointer) {
    auto *allocator = GST_ALLOCATOR_CLASS(klass);
    allocator->alloc = [](GstAllocator *, gsize, GstAllocationParams *) -> GstMemory * {
        return nullptr; // nothing to allocate: the bytes exist
    };
    allocator->free = [](GstAllocator *, GstMemory *memory) { delete as_bytes(memory); };
}

void init(GTypeInstance *instance, gpointer) {
    auto *allocator = GST_ALLOCATOR(instance);
    allocator->mem_type = memory_type;
    allocator->mem_map = map;
    allocator->mem_unmap = unmap;
    allocator->mem_share = share;
    GST_OBJECT_FLAG_SET(allocator, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

GstAllocator *bytes_allocator() {
    static GstAllocator *const allocator = [] {
        // Each plugin registers a separate type, so that none depends on another.
        static const char place = 0;
        const GOwned<gchar> name(g_strdup_printf("PenstockBytesAllocator%p", &place));
        const GTypeInfo info{
            sizeof(GstAllocatorClass), nullptr, nullptr, class_init, nullptr, nullptr,
            sizeof(GstAllocator),      0,       init,    nullptr};
        const GType type =
            g_type_register_static(GST_TYPE_ALLOCATOR, name.get(), &info, GTypeFlags(0));
        auto *made = static_cast<GstAllocator *>(g_object_new(type, nullptr));
        gst_object_ref_sink(made);
        GST_OBJECT_FLAG_SET(made, GST_OBJECT_FLAG_MAY_BE_LEAKED);
        return made;
    }();
    return allocator;
}

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

bool may_be_held(GstBuffer *buffer, GstMemory *memory) {
    return buffer->pool == nullptr && gst_memory_is_type(memory, GST_ALLOCATOR_SYSMEM);
}

} // namespace

Bytes bytes_of(GstBuffer *buffer) {
    if (gst_buffer_n_memory(buffer) == 1) {
        GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
        if (gst_memory_is_type(memory, memory_type))
            return as_bytes(memory)->bytes.sub(memory->offset, memory->size);
        if (may_be_held(buffer, memory)) {
            auto mapped = std::make_shared<Mapped>(buffer);
            if (mapped->buffer) {
                const uint8_t *data = mapped->map.data;
                const size_t size = mapped->map.size;
                return Bytes(std::move(mapped), data, size);
            }
        }
    }
    std::vector<uint8_t> copy(gst_buffer_get_size(buffer));
    copy.resize(gst_buffer_extract(buffer, 0, copy.data(), copy.size()));
    return Bytes::adopt(std::move(copy));
}

GstPtr<GstBuffer> buffer_of(const Bytes &bytes) {
    auto buffer = GstPtr<GstBuffer>::adopt(gst_buffer_new());
    gst_buffer_append_memory(buffer.get(),
                             &new_memory(bytes_allocator(), bytes, nullptr, 0, bytes.size())->base);
    return buffer;
}

GstPtr<GstBuffer> buffer_of(const flv::Tag &tag, uint32_t config) {
    auto buffer = GstPtr<GstBuffer>::adopt(gst_buffer_new());
    BytesMemory *memory = new_memory(bytes_allocator(), tag.bytes, nullptr, 0, tag.bytes.size());
    memory->config = config;
    memory->timestamp = tag.timestamp;
    memory->type = tag.type;
    memory->kind = tag.kind;
    gst_buffer_append_memory(buffer.get(), &memory->base);
    return buffer;
}

bool read_known_tag(GstBuffer *buffer, KnownTag &out) {
    if (gst_buffer_n_memory(buffer) != 1) return false;
    GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
    if (!gst_memory_is_type(memory, memory_type)) return false;
    const BytesMemory *known = as_bytes(memory);
    // Memory resized in place is a part as well.
    if (known->config == 0 || memory->offset != 0 || memory->size != known->bytes.size())
        return false;
    out.config = known->config;
    out.tag = {known->type, known->kind, known->timestamp, known->bytes};
    return true;
}

} // namespace penstock
