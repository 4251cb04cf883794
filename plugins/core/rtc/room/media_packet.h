// SPDX-License-Identifier: LGPL-2.1-or-later
// A packet of a room's media as all receivers share it: the payload as it came, and what the clear
// bytes of its codec say. Payloads may be encrypted end to end behind these.
#pragma once

#include "core/bytes/bytes.h"
#include "core/rtc/codec.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace penstock::rtc::room {

/// The layers of simulcast that a track has at most.
inline constexpr size_t most_layers = 4;

/// The numbers of VP8's payload descriptor that have to go on across a switch (RFC 7741, 4.2).
struct Vp8Numbers {
    uint8_t size = 0;       ///< bytes of the descriptor; 0: there is none
    uint8_t picture_at = 0; ///< where the picture id is; 0: there is none
    bool is_long = false;   ///< the picture id has 15 bits, otherwise 7
    uint8_t tl0_at = 0;     ///< where TL0PICIDX is; 0: there is none
    uint16_t picture = 0;
    uint8_t tl0 = 0;
};

/// What a payload's clear bytes say.
struct Glimpse {
    Vp8Numbers vp8;
    bool begins_keyframe = false;   ///< a decoder can begin with this packet
    unsigned width = 0, height = 0; ///< pixels, of a keyframe; 0: not known
};

/// VP8: the descriptor and the frame header; H.264: the types of NAL units, of which the SPS begins
/// what a decoder needs. Of other codecs nothing is known, and of audio each packet is a beginning.
Glimpse look_at(Codec codec, ByteView payload);

/// Immutable; shared by threads.
struct MediaPacket {
    Bytes payload;        ///< empty: the packet has padding only
    int64_t sequence = 0; ///< of its layer, without wrapping
    int64_t time = 0; ///< ns of the server's steady clock, by which a sender's tracks are in step
    uint32_t timestamp = 0; ///< ticks
    uint32_t epoch = 0;     ///< of its layer: another one has numbers and timestamps of its own
    uint8_t layer = 0;
    bool marker = false;
    Glimpse glimpse;
};
using MediaPacketPtr = std::shared_ptr<const MediaPacket>;

} // namespace penstock::rtc::room
