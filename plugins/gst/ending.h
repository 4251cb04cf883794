// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties with which an element says how its stream ends.
#pragma once

#include "core/net/stream/ending.h"

#include <gst/gst.h>

namespace penstock {

/// Installs `grace` and `linger`.
inline void install_ending(GObjectClass *klass, guint grace_id, guint linger_id,
                           const net::Ending &defaults, const char *linger_blurb) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    g_object_class_install_property(
        klass, grace_id,
        g_param_spec_uint64("grace", "Grace",
                            "When this element stops, viewers wait for the next one this long, in "
                            "nanoseconds, counted from the last media",
                            0, 24 * 3600 * GST_SECOND, guint64(defaults.grace.count()), rw));
    g_object_class_install_property(klass, linger_id,
                                    g_param_spec_uint64("linger", "Linger", linger_blurb, 0,
                                                        24 * 3600 * GST_SECOND,
                                                        guint64(defaults.linger.count()), rw));
}

} // namespace penstock
