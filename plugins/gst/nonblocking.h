// SPDX-License-Identifier: LGPL-2.1-or-later
// The custom query `penstock-nonblocking`: may a caller push from a thread that must not wait?
#pragma once

#include "gst/ptr.h"

namespace penstock {

/// Asks what is linked to this source pad. False unless everything downstream says yes.
bool peer_is_nonblocking(GstPad *src_pad);
/// True if `query` is that query.
bool is_nonblocking_query(GstQuery *query);
/// Answers it; gst_pad_query functions return TRUE afterwards.
void answer_nonblocking(GstQuery *query, bool yes);

} // namespace penstock
