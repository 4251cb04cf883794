// SPDX-License-Identifier: LGPL-2.1-or-later
// Ownership of GStreamer objects: adopt() takes a reference, ref() adds one.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <utility>

namespace penstock {

template <class T>
struct GstTraits {
    static T *ref(T *p) { return static_cast<T *>(gst_object_ref(p)); }
    static void unref(T *p) { gst_object_unref(p); }
};
template <>
struct GstTraits<GstStructure> {
    static void unref(GstStructure *p) { gst_structure_free(p); }
};
template <class T>
struct MiniObjectTraits {
    static T *ref(T *p) {
        return reinterpret_cast<T *>(gst_mini_object_ref(GST_MINI_OBJECT_CAST(p)));
    }
    static void unref(T *p) { gst_mini_object_unref(GST_MINI_OBJECT_CAST(p)); }
};
template <>
struct GstTraits<GstBuffer> : MiniObjectTraits<GstBuffer> {};
template <>
struct GstTraits<GstCaps> : MiniObjectTraits<GstCaps> {};
template <>
struct GstTraits<GstEvent> : MiniObjectTraits<GstEvent> {};
template <>
struct GstTraits<GstMessage> : MiniObjectTraits<GstMessage> {};
template <>
struct GstTraits<GstQuery> : MiniObjectTraits<GstQuery> {};
template <>
struct GstTraits<GstSample> : MiniObjectTraits<GstSample> {};
template <>
struct GstTraits<GstMiniObject> : MiniObjectTraits<GstMiniObject> {};

/// A reference to a GStreamer object or mini object.
template <class T>
class GstPtr {
public:
    GstPtr() = default;
    static GstPtr adopt(T *p) { return GstPtr(p); }
    static GstPtr ref(T *p) { return GstPtr(p ? GstTraits<T>::ref(p) : nullptr); }
    GstPtr(const GstPtr &o) : p_(o.p_ ? GstTraits<T>::ref(o.p_) : nullptr) {}
    GstPtr(GstPtr &&o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    GstPtr &operator=(GstPtr o) noexcept {
        std::swap(p_, o.p_);
        return *this;
    }
    ~GstPtr() {
        if (p_) GstTraits<T>::unref(p_);
    }
    T *get() const { return p_; }
    /// Passes the reference to a transfer-full parameter.
    [[nodiscard]] T *release() { return std::exchange(p_, nullptr); }
    void reset() { *this = GstPtr(); }
    explicit operator bool() const { return p_ != nullptr; }
    T *operator->() const { return p_; }

private:
    explicit GstPtr(T *p) : p_(p) {}
    T *p_ = nullptr;
};

struct GFree {
    void operator()(void *p) const { g_free(p); }
};
/// A string or memory block released by g_free().
template <class T = gchar>
using GOwned = std::unique_ptr<T, GFree>;

} // namespace penstock
