// SPDX-License-Identifier: LGPL-2.1-or-later
// Between GstBuffer and Bytes, without a copy where memory allows.
#pragma once

#include "core/bytes/bytes.h"
#include "core/flv/tag.h"
#include "gst/ptr.h"

namespace penstock {

/// The buffer's content. What buffer_of() made, and parts of it, are the same Bytes again: the
/// buffer may go. Plain system memory is shared: the buffer stays alive, mapped, as long as the
/// Bytes. Pooled or foreign memory is copied, so that nobody's pool runs dry on us.
Bytes bytes_of(GstBuffer *buffer);
/// A buffer over the same memory; read-only, no timestamps, no flags.
GstPtr<GstBuffer> buffer_of(const Bytes &bytes);

/// A whole FLV tag as it comes out of flv::Normalizer, and what that has found out: the elements
/// behind take its word. It is kept in the buffer's memory, not in a GstMeta, and so is right by
/// itself: copies of the buffer share the memory and keep it, whatever becomes of flags, timestamps
/// and other metadata; a part of the buffer, a deep copy and a buffer that was written to have
/// other memory and lose it.
struct KnownTag {
    flv::Tag tag; ///< with its type, kind, timestamp and bytes
    /// Of the stream's codec configuration, see flv::next_config_version(): while it stays the
    /// same, frames tell nothing new about headers.
    uint32_t config = 0;
};
/// As buffer_of(tag.bytes), for tag_of(). `config` is not 0.
GstPtr<GstBuffer> buffer_of(const flv::Tag &tag, uint32_t config);
/// False for a buffer that was not made by buffer_of(tag, config).
bool read_known_tag(GstBuffer *buffer, KnownTag &out);

} // namespace penstock
