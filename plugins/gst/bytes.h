// SPDX-License-Identifier: LGPL-2.1-or-later
// Between GstBuffer and Bytes, without a copy where memory allows.
#pragma once

#include "core/bytes/bytes.h"
#include "gst/ptr.h"

namespace penstock {

/// The buffer's content. What buffer_of() made, and parts of it, are the same Bytes again: the
/// buffer may go. Plain system memory is shared: the buffer stays alive, mapped, as long as the
/// Bytes. Pooled or foreign memory is copied, so that nobody's pool runs dry on us.
Bytes bytes_of(GstBuffer *buffer);
/// A buffer over the same memory; read-only, no timestamps, no flags.
GstPtr<GstBuffer> buffer_of(const Bytes &bytes);

} // namespace penstock
