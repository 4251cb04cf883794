// SPDX-License-Identifier: LGPL-2.1-or-later
// The packetizers of all codecs that RTP carries, by codec.
#pragma once

#include "core/rtp/payload/payload.h"

#include <cstdint>
#include <memory>

namespace penstock::rtp::payload {

/// `codec`: flv::fourcc. nullptr if RTP has no form for it.
std::unique_ptr<Packetizer> make_video_packetizer(uint32_t codec);
/// `channels` is of use for G.711 alone.
std::unique_ptr<Packetizer> make_audio_packetizer(uint32_t codec, unsigned channels = 1);

} // namespace penstock::rtp::payload
