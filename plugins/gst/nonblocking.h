// SPDX-License-Identifier: LGPL-2.1-or-later
// The custom query `penstock-nonblocking`: whether a push never blocks.
#pragma once

#include "gst/ptr.h"

namespace penstock {

/// Queries the peer of a source pad. False unless everything downstream answers yes.
bool peer_is_nonblocking(GstPad *src_pad);
/// Whether `query` is that query.
bool is_nonblocking_query(GstQuery *query);
/// Sets the answer; the pad's query function then returns TRUE.
void answer_nonblocking(GstQuery *query, bool yes);

} // namespace penstock
