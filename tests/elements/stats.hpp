// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers out of an element's `stats`.
#pragma once

#include "gst/ptr.h"

#include "check.hpp"

namespace penstock_test {

/// A number from the element's `stats`; fails if there is none of this name.
inline guint64 stat(gpointer element, const char *field) {
    GstStructure *raw = nullptr;
    g_object_get(element, "stats", &raw, nullptr);
    const auto stats = penstock::GstPtr<GstStructure>::adopt(raw);
    guint64 value = 0;
    guint small = 0;
    if (gst_structure_get_uint64(stats.get(), field, &value)) return value;
    fail_unless(gst_structure_get_uint(stats.get(), field, &small), "no %s", field);
    return small;
}

} // namespace penstock_test
