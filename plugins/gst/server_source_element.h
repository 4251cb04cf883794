// SPDX-License-Identifier: LGPL-2.1-or-later
// The GObject part of all server sources: properties, states, statistics and signals.
#pragma once

#include "gst/peer_signals.h"
#include "gst/server_source.h"

#include <gst/gst.h>

namespace penstock {

/// An element's instance and class structures have these first, its type derives from
/// GST_TYPE_ELEMENT, and its class_init and init call the functions below.
struct ServerSourceElement {
    GstElement parent;
    ServerSource *impl;
};
struct ServerSourceElementClass {
    GstElementClass parent;
    const ServerSourceKind *kind;
    PeerSignals signals;
};

/// `kind` must live as long as the process. Returns the first property id that is free: an element
/// with more properties sets set_property and get_property of its class to functions of its own,
/// which call those below for ids that they do not know.
guint server_source_class_init(ServerSourceElementClass *klass, const ServerSourceKind &kind);
void server_source_init(ServerSourceElement *self);
void server_source_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec);
void server_source_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec);

} // namespace penstock
