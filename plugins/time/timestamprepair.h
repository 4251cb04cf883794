// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject of timestamprepair. See repairer.h for the implementation.
#pragma once

#include <gst/gst.h>

namespace penstock::timing {
class Repairer;
}

G_BEGIN_DECLS

struct PenstockTimestampRepair {
    GstElement parent;
    penstock::timing::Repairer *impl;
};
struct PenstockTimestampRepairClass {
    GstElementClass parent_class;
};
GType penstock_timestamp_repair_get_type();
GST_ELEMENT_REGISTER_DECLARE(timestamprepair)

G_END_DECLS
