// SPDX-License-Identifier: LGPL-2.1-or-later
// FLV tags of the codecs that come over RTP, in the forms that most players know: the default track
// of H.264, AAC and G.711 is legacy FLV, all else Enhanced RTMP v2; other tracks are in the
// OneTrack form.
#pragma once

#include "core/flv/tag.h"
#include "core/rtc/codec.h"

namespace penstock::rtc {

/// Whether a track of that id can be expressed: G.711 is only the default track, 0.
constexpr bool can_be_track(Codec codec, uint8_t id) {
    return is_in_flv(codec) && (id == 0 || has_config(codec));
}

/// A sequence header. `timestamp`: ms. The codec has configurations.
flv::Tag make_config_tag(Codec codec, uint8_t track, uint32_t timestamp, ByteView record);

/// A frame. `timestamp`: its DTS in ms; `composition_time`: PTS minus DTS in ms, 0 to 2^23 - 1, of
/// H.264 and H.265 only. At most rtp::payload::max_frame bytes.
flv::Tag make_frame_tag(Codec codec, uint8_t track, uint32_t timestamp, uint32_t composition_time,
                        bool keyframe, ByteView frame);

} // namespace penstock::rtc
