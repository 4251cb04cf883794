// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells failures that waiting may end from those that it can't.
#pragma once

#include <gst/gst.h>

namespace penstock::supervisor {

/// Whether a pipeline that fails so at its first start would fail again every time: a file or a
/// device that is not there, a file that is no media, a plugin that is missing. False for what
/// another program may bring about: a server that is down, a device in use. `child` is the
/// pipeline's direct child that is or contains the failing element.
bool is_hopeless(GstElement *child, const GError &error);

/// Whether the element begins a stream, so that nothing is upstream of it.
bool is_source(GstElement *child);

/// Whether the pipeline reads a file or a device of this machine.
bool has_local_source(GstElement *pipeline);

/// Whether the message tells only that data could not be passed on: the cause is another error.
bool is_consequence(GstMessage *error);

} // namespace penstock::supervisor
