// SPDX-License-Identifier: LGPL-2.1-or-later
// Which codecs, formats and profiles players can play.
#pragma once

#include "gst/ptr.h"

#include <optional>
#include <string>

namespace penstock::description {

/// The profile and level in caps of H.264 or H.265, in words: "High 4:2:2@L3.1", "Main". Empty if
/// the caps have no profile.
std::string profile_words(const GstStructure *caps);

/// Whether browsers, phones and TVs have no decoder for these caps: H.264 with other colours than
/// 4:2:0 or with more than 8 bits.
bool is_hardly_playable(const GstStructure *caps);

/// The advice for it.
inline constexpr const char *mend_unplayable =
    "put `video/x-raw,format=I420 !` in front of the encoder";

/// Whether an encoder may be given, by what is linked in front of it and behind it, frames of which
/// it makes H.264 that is hardly playable. For an element in state NULL; false where nothing is
/// linked yet.
bool may_become_unplayable(GstElement *encoder);

/// Looks at what the muxers, payloaders and sinks of a running pipeline are given. Returns the
/// profile in words if one of it is hardly playable, empty text if all is fine, and nullopt while
/// there is no H.264 with caps.
std::optional<std::string> unplayable_output(GstElement *pipeline);

} // namespace penstock::description
