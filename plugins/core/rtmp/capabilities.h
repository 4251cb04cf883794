// SPDX-License-Identifier: LGPL-2.1-or-later
// The codecs and forms that a peer announces in its connect command or answer. Enhanced RTMP v2,
// "Enhancing NetConnection connect Command".
#pragma once

#include "core/amf/value.h"
#include "core/flv/tag.h"

#include <cstdint>
#include <vector>

namespace penstock::rtmp {

/// Bits of `capsEx`.
namespace caps_ex {
inline constexpr uint32_t reconnect = 1, multitrack = 2, mod_ex = 4, nano_offset = 8;
} // namespace caps_ex

struct Capabilities {
    /// The codecs of one medium that the peer receives.
    struct Codecs {
        bool announced = false; ///< it sent a list for this medium
        bool any = false;       ///< "*"
        std::vector<uint32_t> list;
    };
    Codecs video, audio;
    uint32_t caps_ex = 0;

    bool has(uint32_t bits) const { return (caps_ex & bits) == bits; }
    /// False only if the peer announced a list for this medium without the codec, and the codec has
    /// no legacy form that every player knows.
    bool receives(flv::TagType type, uint32_t codec) const;
};

/// Reads `fourCcList`, `videoFourCcInfoMap`, `audioFourCcInfoMap` and `capsEx` of a connect
/// command's object; what is malformed counts as absent. At most 64 codecs of each are kept. A
/// fourCcList is about the media whose codecs are in it, since early clients listed video only.
Capabilities read_capabilities(const amf::Value &object);

/// Adds this server's own: it relays every codec of Enhanced RTMP.
void add_capabilities(amf::Value &object);

} // namespace penstock::rtmp
