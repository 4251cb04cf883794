// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties with which a server sink says how its viewers are treated.
#pragma once

#include "core/fanout/policy.h"
#include "core/gop/history.h"
#include "core/net/stream/ending.h"

#include <gst/gst.h>

namespace penstock {

struct ViewerPolicy {
    fanout::Policy policy;
    guint64 max_lag = 10 * GST_SECOND; ///< nanoseconds
    guint loops = 0;                   ///< 0: whatever there are
    net::Ending ending;

    /// The history that the policy needs.
    gop::Limits history() const;
};

/// Before `element` opens its listener: asks for the loops, and warns on the bus if it is too late.
void apply_loops(const ViewerPolicy &policy, GstElement *element);

/// Installs `max-lag`, `join`, `slow-policy`, `stall-timeout`, `send-rate`, `coalesce-max`,
/// `loops`, `grace` and `linger` with ids from `first_id` on, and returns the next id that is free.
guint install_viewer_policy(GObjectClass *klass, guint first_id, const ViewerPolicy &defaults);
/// False if `id` is none of them.
bool set_viewer_policy(ViewerPolicy &policy, guint first_id, guint id, const GValue *value);
bool get_viewer_policy(const ViewerPolicy &policy, guint first_id, guint id, GValue *value);

} // namespace penstock
