// SPDX-License-Identifier: LGPL-2.1-or-later
// Converts between GstBuffer and Bytes, without copying if possible.
#pragma once

#include "core/bytes/bytes.h"
#include "core/flv/tag.h"
#include "gst/ptr.h"

namespace penstock {

/// The buffer's content. Buffers made by buffer_of(), and parts of them, give the same Bytes again,
/// independent of the buffer. Plain system memory is shared: the buffer stays alive and mapped as
/// long as the Bytes. Pooled or foreign memory is copied, so that no pool is exhausted.
Bytes bytes_of(GstBuffer *buffer);
/// A read-only buffer with the same memory, without timestamps and flags.
GstPtr<GstBuffer> buffer_of(const Bytes &bytes);

/// A complete FLV tag as output by flv::Normalizer, with what it found out, so that downstream
/// elements need not parse it again. It is stored in the buffer's memory rather than in a GstMeta,
/// and therefore always valid: copies of the buffer share the memory and keep it, whatever happens
/// to flags, timestamps and metadata; partial, deep or modified copies have other memory and lose
/// it.
struct KnownTag {
    flv::Tag tag; ///< including its type, kind, timestamp and bytes
    /// Version of the stream's codec configuration, see flv::next_config_version(). While it is
    /// unchanged, frames bring no new headers.
    uint32_t config = 0;
};
/// Like buffer_of(tag.bytes), for known_tag(). `config` must not be 0.
GstPtr<GstBuffer> buffer_of(const flv::Tag &tag, uint32_t config);
/// Valid as long as the buffer's memory. nullptr for a buffer that was not made by
/// buffer_of(tag, config).
const KnownTag *known_tag(GstBuffer *buffer);

} // namespace penstock
