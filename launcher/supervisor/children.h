// SPDX-License-Identifier: LGPL-2.1-or-later
// Snapshots of a bin's children and an element's source pads. They hold references, so the objects
// stay valid after removal.
#pragma once

#include "gst/object_lock.h"
#include "gst/ptr.h"

#include <vector>

namespace penstock::supervisor {

inline std::vector<GstPtr<GstElement>> children_of(GstElement *bin) {
    std::vector<GstPtr<GstElement>> out;
    const ObjectLock lock(bin);
    for (GList *l = GST_BIN_CHILDREN(bin); l; l = l->next)
        out.push_back(GstPtr<GstElement>::ref(GST_ELEMENT(l->data)));
    return out;
}

inline std::vector<GstPtr<GstPad>> source_pads_of(GstElement *element) {
    std::vector<GstPtr<GstPad>> out;
    const ObjectLock lock(element);
    for (GList *l = element->srcpads; l; l = l->next)
        out.push_back(GstPtr<GstPad>::ref(GST_PAD(l->data)));
    return out;
}

} // namespace penstock::supervisor
