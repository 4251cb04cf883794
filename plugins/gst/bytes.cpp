// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/bytes.h"

#include "config.h"

namespace penstock {
namespace {

// GstMemory that holds a Bytes: elements unwrap it without mapping, and keep only the bytes, not
// the buffer. Every plugin contains this code; plugins recognize each other's memory by its type
// name, which is one string in the process and includes the version because they share the
// structure.
const char *memory_type() {
    static const char *const name = g_intern_static_string("penstock-bytes-" VERSION);
    return name;
}

struct BytesMemory {
    GstMemory base; ///< its offset and size tell which part of the bytes it is
    KnownTag known; ///< unless `config` is 0, only the bytes of the tag are known

    static void *operator new(size_t) { return Recycled<sizeof(BytesMemory)>::take(); }
    static void operator delete(void *memory) { Recycled<sizeof(BytesMemory)>::give(memory); }
    const Bytes &bytes() const { return known.tag.bytes; }
};

KnownTag without_tag(const Bytes &bytes) {
    KnownTag known;
    known.tag.bytes = bytes;
    return known;
}

GstMemory *new_memory(GstAllocator *allocator, KnownTag &&known, GstMemory *parent, gsize offset,
                      gsize size) {
    const gsize whole = known.tag.bytes.size();
    auto *memory = new BytesMemory{{}, std::move(known)};
    gst_memory_init(&memory->base, GST_MEMORY_FLAG_READONLY, allocator, parent, whole, 0, offset,
                    size);
    return &memory->base;
}

bool is_bytes(const GstMemory *memory) {
    return memory->allocator->mem_type == memory_type();
}

BytesMemory *as_bytes(GstMemory *memory) {
    return reinterpret_cast<BytesMemory *>(memory);
}

gpointer map(GstMemory *memory, gsize, GstMapFlags) {
    return const_cast<uint8_t *>(as_bytes(memory)->bytes().data());
}

void unmap(GstMemory *) {
}

GstMemory *share(GstMemory *memory, gssize offset, gssize size) {
    const gsize at = static_cast<gsize>(static_cast<gssize>(memory->offset) + offset);
    const gsize count = size < 0 ? memory->offset + memory->size - at : static_cast<gsize>(size);
    return new_memory(memory->allocator, without_tag(as_bytes(memory)->bytes()),
                      memory->parent ? memory->parent : memory, at, count);
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
    allocator->mem_type = memory_type();
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
        if (is_bytes(memory)) return as_bytes(memory)->bytes().sub(memory->offset, memory->size);
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
    if (!copy.empty()) copy.resize(gst_buffer_extract(buffer, 0, copy.data(), copy.size()));
    return Bytes::adopt(std::move(copy));
}

namespace {

GstPtr<GstBuffer> buffer_of(KnownTag &&known) {
    const gsize size = known.tag.bytes.size();
    auto buffer = GstPtr<GstBuffer>::adopt(gst_buffer_new());
    gst_buffer_append_memory(buffer.get(),
                             new_memory(bytes_allocator(), std::move(known), nullptr, 0, size));
    return buffer;
}

} // namespace

GstPtr<GstBuffer> buffer_of(const Bytes &bytes) {
    return buffer_of(without_tag(bytes));
}

GstPtr<GstBuffer> buffer_of(const flv::Tag &tag, uint32_t config) {
    return buffer_of(KnownTag{tag, config});
}

const KnownTag *known_tag(GstBuffer *buffer) {
    if (gst_buffer_n_memory(buffer) != 1) return nullptr;
    GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
    if (!is_bytes(memory)) return nullptr;
    const KnownTag &known = as_bytes(memory)->known;
    // Memory resized in place is a part as well.
    if (known.config == 0 || memory->offset != 0 || memory->size != known.tag.bytes.size())
        return nullptr;
    return &known;
}

} // namespace penstock
