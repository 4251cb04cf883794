// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes tags of frames and configurations, in the forms that most players know: the default track
// is legacy FLV where that has the codec, all else Enhanced RTMP v2; other tracks are in the
// OneTrack form.
#pragma once

#include "core/flv/tag.h"

#include <vector>

namespace penstock::flv {

/// What a frame's or a configuration's codec header says.
struct MediaHead {
    TagType type = TagType::video;
    uint32_t codec = 0; ///< fourcc()
    uint8_t track = 0;
    bool config = false;
    bool keyframe = true;          ///< of video
    uint32_t composition_time = 0; ///< PTS minus DTS in ms, 0 to 2^23 - 1; of H.264 and H.265 only
};

/// The beginning of a tag: room for its header, then the codec header. Append the data, of about
/// `size` bytes, and give it to end_media_tag().
std::vector<uint8_t> begin_media_tag(const MediaHead &head, size_t size);
/// `timestamp`: DTS in ms. At most max_body_size bytes of body.
Tag end_media_tag(TagType type, uint32_t timestamp, std::vector<uint8_t> &&begun);
/// Both, with a copy of the data.
Tag make_media_tag(const MediaHead &head, uint32_t timestamp, ByteView data);

} // namespace penstock::flv
