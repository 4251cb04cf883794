// SPDX-License-Identifier: LGPL-2.1-or-later
// The forms of Enhanced RTMP: what of them which players take, and conversion to simpler ones.
// Enhanced RTMP v2, ExVideoTagHeader and ExAudioTagHeader.
#pragma once

#include "core/flv/tag.h"

#include <vector>

namespace penstock::flv {

/// Features that only some players take, as bits.
namespace feature {
inline constexpr uint8_t multitrack = 1, ///< tags of another track than 0
    mod_ex = 2,                          ///< timestamps with nanoseconds
    description = 4,                     ///< colour metadata and channel layouts
    none = 0, all = multitrack | mod_ex | description;
} // namespace feature

/// The features that a player needs for a tag.
uint8_t features_of(const BodyHeader &header);

/// At most this many tracks of a tag are read.
inline constexpr size_t max_tracks_in_tag = 64;

/// Appends one tag for each track of a Multitrack tag: track 0 without the Multitrack header,
/// others in the OneTrack form. A track that is cut short ends the tag. `tag` has an extended
/// header. False if it is not a whole one of the Multitrack form.
bool split_tracks(const Tag &tag, std::vector<Tag> &out);

/// The same tag without ModEx prefixes, whose nanoseconds are lost.
Tag without_mod_ex(const Tag &tag);

/// Converts a tag with one track to the form that most players know: legacy for H.264, AAC and MP3,
/// extended for HEVC and AV1, which have legacy forms that servers used before Enhanced RTMP,
/// CodedFrames where CodedFramesX means the same, and colour metadata with frame type 5, because
/// ffmpeg decodes it as a frame otherwise. Returns false, without a change, if that is its form
/// already or if it has ModEx prefixes.
bool simplify(Tag &tag, const BodyHeader &header);

} // namespace penstock::flv
