// SPDX-License-Identifier: LGPL-2.1-or-later
// A scoped lock of a GstObject.
#pragma once

#include <gst/gst.h>

namespace penstock {

class ObjectLock {
public:
    /// `object` is a GstObject and must outlive this.
    explicit ObjectLock(gpointer object) : object_(GST_OBJECT(object)) { GST_OBJECT_LOCK(object_); }
    ~ObjectLock() { GST_OBJECT_UNLOCK(object_); }
    ObjectLock(const ObjectLock &) = delete;
    ObjectLock &operator=(const ObjectLock &) = delete;

private:
    GstObject *const object_;
};

} // namespace penstock
