// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts of read_offer(): what one media section says. Thread-safe.
#pragma once

#include "core/sdp/offer.h"

namespace penstock::sdp {

/// Fills what the m= line says: kind, protocol, formats, and a codec for every payload type.
void begin_section(const Media &media, MediaSection &section);

/// Reads one attribute; those named rtpmap have to come first. nullptr: it is right, or ignored.
/// Otherwise says what is wrong.
const char *take_media_attribute(const Attribute &one, MediaSection &section);

inline constexpr size_t max_candidates = 64; ///< more are ignored

/// Reads one attribute of the transport, of a section or the session. nullptr: it is right, or not
/// one of them. Otherwise says what is wrong.
const char *take_transport_attribute(const Attribute &one, Transport &out);

} // namespace penstock::sdp
